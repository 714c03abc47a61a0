import { createRequire } from 'node:module'

/** Few workflows read markup, and most processes start without: what reads it is loaded when it is asked for. */
const require = createRequire(import.meta.url)
const loaded = new Map<string, unknown>()

function load<T> (name: string): T {
  if (!loaded.has(name)) loaded.set(name, require(name))
  return loaded.get(name) as T
}

export const htmlparser2 = (): typeof import('htmlparser2') => load('htmlparser2')
export const cssSelect = (): typeof import('css-select') => load('css-select')
export const domSerializer = (): typeof import('dom-serializer') => load('dom-serializer')
export const saxes = (): typeof import('saxes') => load('saxes')
/** Its CommonJS half is the class itself. */
export const markdownIt = (): typeof import('markdown-it').default => load('markdown-it')

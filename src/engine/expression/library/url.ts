import { allocateElements, own, spend, typeFailure } from '../run.ts'
import { toText } from '../values/coerce.ts'
import { copyOwn } from '../values/own.ts'
import { isPlainObject } from '../values/kind.ts'
import type { Accessors, Methods } from './table.ts'

const MAX_URL = 64 * 1024

export function isUrl (text: string, base?: string): boolean {
  spend(16 + (text.length >> 4))
  return text.length <= MAX_URL && URL.canParse(text, base)
}

export function makeUrl (args: readonly unknown[]): URL {
  const [text, base] = [toText(args[0]), args[1] === undefined ? undefined : toText(args[1])]
  if (!isUrl(text, base)) return typeFailure(`Not a URL: ${JSON.stringify(text.slice(0, 100))}`)
  return new URL(text, base)
}

export function makeSearchParams (args: readonly unknown[]): URLSearchParams {
  const [value] = args
  if (!isPlainObject(value)) return new URLSearchParams(value === undefined ? '' : checked(toText(value)))
  const params = new URLSearchParams()
  const entries = {}
  copyOwn(entries, value)
  for (const [key, entry] of Object.entries(entries)) params.append(key, checked(toText(entry)))
  return params
}

function checked (text: string): string {
  spend(text.length >> 4)
  return text.length <= MAX_URL ? text : typeFailure(`A query must be shorter than ${MAX_URL} characters`)
}

export const urlMethods: Methods<URL> = {
  toString: (self: URL) => self.href,
  toJSON: (self) => self.href
}

const PARTS = ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash', 'username', 'password'] as const

/** Read only; `searchParams` is a copy. */
export const urlAccessors: Accessors<URL> = {
  ...Object.fromEntries(PARTS.map((name) => [name, (self: URL) => self[name]])),
  searchParams: (self) => new URLSearchParams(self.search)
}

function listed (values: unknown[]): unknown[] {
  allocateElements(values.length)
  return own(values)
}

export const searchParamsMethods: Methods<URLSearchParams> = {
  get: (self, args) => self.get(toText(args[0])),
  getAll: (self, args) => listed(self.getAll(toText(args[0]))),
  has: (self, args) => self.has(toText(args[0])),
  keys: (self) => listed([...self.keys()]),
  values: (self) => listed([...self.values()]),
  entries: (self) => listed([...self.entries()].map(own)),
  toString: (self: URLSearchParams) => self.toString()
}

import type { JsonObject } from '../item.ts'
import { NodeError } from '../node-error.ts'
import { DEFAULT_MAX_PAGES } from './http-request-parameters.ts'
import type { Pagination } from './http-request-parameters.ts'
import type { HttpAnswerItem } from './http-response.ts'
import { parsePath, readPath } from './paths.ts'

/** How the next page is asked for: by the parameters as they are, with a value in the query, or at another URL. */
export type NextPage =
  | { readonly by: 'parameters' }
  | { readonly by: 'query', readonly name: string, readonly value: string }
  | { readonly by: 'url', readonly url: string }

/** Of all pages of an item, in characters of JSON, more or less: they are held until the last one. */
export const MAX_PAGES_SIZE = 64 * 1024 * 1024

export function firstPage ({ mode, parameter = 'page', start = 1 }: Pagination): NextPage {
  return mode === 'page' ? { by: 'query', name: parameter, value: String(start) } : { by: 'parameters' }
}

/**
 * What follows the page that `answer` is, or null where it was the last.
 * @param pages how many there are, this one included
 */
export function nextPage (pagination: Pagination, answer: HttpAnswerItem, url: string, pages: number): NextPage | null {
  const { mode, parameter, start = 1, cursor, until, maxPages = DEFAULT_MAX_PAGES } = pagination
  if (pages >= maxPages || isTrue(until) || itemsOf(pagination, answer)?.length === 0) return null
  switch (mode) {
    case 'page': return { by: 'query', name: parameter ?? 'page', value: String(start + pages) }
    case 'expression': return { by: 'parameters' }
    case 'link': return atUrl(nextLink(answer.headers['link']), url)
    case 'cursor': {
      const value = readPath(answer.body, parsePath(cursor ?? 'next'))
      if (value === undefined || value === null || value === '' || value === false) return null
      if (typeof value === 'object') throw new NodeError('WC_HTTP_PAGINATION', `The cursor at ${cursor ?? 'next'} is no text`, { pointer: '/pagination/cursor' })
      const text = String(value)
      return /^(https?:\/)?\//.test(text) && parameter === undefined ? atUrl(text, url) : { by: 'query', name: parameter ?? 'cursor', value: text }
    }
  }
}

/** The list that a page holds; undefined where pages are not taken apart. Throws where there is none. */
export function itemsOf ({ items, mode }: Pagination, { body }: HttpAnswerItem): readonly unknown[] | undefined {
  // Without a path only a page that is a list itself tells that there is nothing more.
  if (items === undefined) return mode === 'page' && Array.isArray(body) ? body : undefined
  const found = readPath(body, parsePath(items))
  if (Array.isArray(found)) return found
  if (found === undefined || found === null) return []
  throw new NodeError('WC_HTTP_PAGINATION', `What the answer has at ${items} is no list`, { pointer: '/pagination/items' })
}

export function itemOf (entry: unknown): JsonObject {
  return typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? entry as JsonObject : { value: entry }
}

/** RFC 8288: the target of the link whose relation is `next`. */
function nextLink (header: string | undefined): string | undefined {
  for (const [, target, parameters = ''] of (header ?? '').matchAll(/<([^<>]*)>([^<]*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(parameters)
    if ((relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/).includes('next')) return target
  }
  return undefined
}

/** Only at the same origin: the far side would else choose who gets what the request carries. */
function atUrl (target: string | undefined, base: string): NextPage | null {
  if (target === undefined) return null
  const url = URL.canParse(target, base) ? new URL(target, base) : null
  if (url === null || url.origin !== new URL(base).origin) {
    throw new NodeError('WC_HTTP_PAGINATION', `The next page lies at ${url?.origin ?? 'no URL'}, which is not where the first one came from`)
  }
  return { by: 'url', url: url.href }
}

function isTrue (value: unknown): boolean {
  return Boolean(value) && value !== 'false'
}

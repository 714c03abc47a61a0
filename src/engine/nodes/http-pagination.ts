import type { JsonObject } from '../item.ts'
import { NodeError } from '../node-error.ts'
import { DEFAULT_MAX_PAGES } from './http-request-parameters.ts'
import type { Pagination } from './http-request-parameters.ts'
import type { HttpAnswerItem } from './http-response.ts'
import { parseLinks } from './link-header.ts'
import { parsePath, readPath } from './paths.ts'

/** How the next page is asked for: by the parameters as they are, with a value in the query, or at another URL. */
export type NextPage =
  | { readonly by: 'parameters' }
  | { readonly by: 'query', readonly name: string, readonly value: string }
  | { readonly by: 'url', readonly url: string }

/** Where a page was asked for, and where its answer came from: they differ after redirects. */
export interface Place {
  readonly asked: string
  readonly answered: string
}

/** Of all pages of an item, in characters of JSON, more or less: they are held until the last one. */
export const MAX_PAGES_SIZE = 64 * 1024 * 1024

export function firstPage ({ mode, parameter = 'page', start = 1 }: Pagination): NextPage {
  return mode === 'page' ? { by: 'query', name: parameter, value: String(start) } : { by: 'parameters' }
}

/**
 * What follows the page that `answer` is, or null where it was the last.
 * @param pages how many there are, this one included
 * @throws NodeError where there is one that cannot be asked for, or more than anybody wanted
 */
export function nextPage (pagination: Pagination, answer: HttpAnswerItem, place: Place, pages: number): NextPage | null {
  const { until, maxPages } = pagination
  if (pages === maxPages || isTrue(until) || itemsOf(pagination, answer)?.length === 0) return null
  const following = followingPage(pagination, answer, place, pages)
  if (following === null || maxPages !== undefined || pages < DEFAULT_MAX_PAGES) return following
  // Whoever set no limit wants all, or did not say where it ends: a part would pass for the whole.
  throw new NodeError('WC_HTTP_PAGINATION', `There are more than ${DEFAULT_MAX_PAGES} pages: set maxPages to how many are wanted, or say with items or until which is the last`, { pointer: '/pagination/maxPages' })
}

function followingPage ({ mode, parameter, start = 1, cursor }: Pagination, answer: HttpAnswerItem, place: Place, pages: number): NextPage | null {
  switch (mode) {
    case 'page': return { by: 'query', name: parameter ?? 'page', value: String(start + pages) }
    case 'expression': return { by: 'parameters' }
    case 'link': return atUrl(nextLink(answer.headers['link']), place)
    case 'cursor': {
      const value = readPath(answer.body, parsePath(cursor ?? 'next'))
      if (value === undefined || value === null || value === '' || value === false) return null
      if (typeof value === 'object') throw new NodeError('WC_HTTP_PAGINATION', `The cursor at ${cursor ?? 'next'} is no text`, { pointer: '/pagination/cursor' })
      const text = String(value)
      return /^(https?:\/)?\//.test(text) && parameter === undefined ? atUrl(text, place) : { by: 'query', name: parameter ?? 'cursor', value: text }
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
  return parseLinks(header ?? '').find(({ relations, anchored }) => relations.includes('next') && !anchored)?.target
}

/** Only where it was asked for, or where that led by redirects: the far side would else choose who gets what the request carries. */
function atUrl (target: string | undefined, { asked, answered }: Place): NextPage | null {
  if (target === undefined) return null
  const url = URL.canParse(target, answered) ? new URL(target, answered) : null
  if (url !== null && [asked, answered].some(place => new URL(place).origin === url.origin)) return { by: 'url', url: url.href }
  throw new NodeError('WC_HTTP_PAGINATION', `The next page lies at ${url === null ? 'no URL' : `${url.protocol}//${url.host}`}, which is not where the first one came from`)
}

function isTrue (value: unknown): boolean {
  return Boolean(value) && value !== 'false'
}

import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { headerProblem } from '../../lib/http-headers.ts'
import { cookieProblem } from '../../lib/tenant-cookies.ts'
import type { Item } from '../item.ts'
import { NodeError } from '../node-error.ts'
import { anyValue, dictionary } from '../schemas.ts'
import { binaryOf } from './files/binary-of.ts'
import { defineNode } from './node-type.ts'
import type { HttpAnswer } from './node-type.ts'
import { headerPairs } from './header-pairs.ts'
import { isPlainObject } from './plain-object.ts'

const RespondParameters = Type.Object({
  status: Type.Optional(Type.Integer({ title: 'Status', description: 'The HTTP status of the answer; with a redirect 302 by default.', minimum: 200, maximum: 599, default: 200 })),
  headers: Type.Optional(dictionary(anyValue(), { title: 'Headers', description: 'Headers of the answer by name.' })),
  body: Type.Optional(anyValue({ title: 'Body', description: 'Text is sent as it is, anything else as JSON. By default the first item.' })),
  binaryName: Type.Optional(Type.String({ title: 'Binary data', description: 'What of the first item to send in place of a body.', minLength: 1, maxLength: 255, examples: ['file'] })),
  redirect: Type.Optional(Type.String({ title: 'Redirect', description: 'Where the caller goes next: a URL, or a path on this server.', minLength: 1, maxLength: 2048, examples: ['https://shop.example.com/thanks'] }))
}, { additionalProperties: false })
type RespondParameters = Static<typeof RespondParameters>

/** Statuses whose messages end after the headers (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])
const REDIRECT = 302
const COOKIE = 'set-cookie'
/** What clients and proxies commonly read. */
const MAX_HEADERS = 16_384

export const respond = defineNode({
  type: 'respond',
  title: 'Respond',
  description: 'Answers the request that started the workflow, if it waits for this (response: respondNode).',
  icon: 'reply',
  category: 'outside',
  effects: 'none',
  parameters: RespondParameters,
  check: ({ body, binaryName, redirect, status }) => [
    ...([body, binaryName, redirect].filter(one => one !== undefined).length > 1 ? [{ pointer: binaryName === undefined ? '/redirect' : '/binaryName', message: 'goes with neither of body, binaryName and redirect', code: 'WC_RESPOND' }] : []),
    ...(redirect !== undefined && typeof status === 'number' && (status < 300 || status > 399) ? [{ pointer: '/status', message: 'of a redirect is from 300 to 399', code: 'WC_RESPOND_STATUS' }] : [])
  ],
  run ({ items, parameters }) {
    return { outputs: { main: items.map((_item, index) => ({ from: index })) }, answer: answerOf(parameters(0), items[0]) }
  }
})

function answerOf (given: RespondParameters, item: Item | undefined): HttpAnswer {
  const { redirect, binaryName } = given
  const status = statusOf(given.status ?? (redirect === undefined ? undefined : REDIRECT))
  const headers = headersOf(given)
  if (redirect !== undefined) {
    if (status < 300 || status > 399) throw new NodeError('WC_RESPOND_STATUS', 'The status of a redirect must be from 300 to 399', { pointer: '/status' })
    return { status, headers: { ...headers, location: locationOf(redirect) }, body: null }
  }
  if (WITHOUT_BODY.has(status)) return { status, headers, body: '' }
  if (binaryName === undefined) return { status, headers, body: given.body === undefined ? item?.json ?? null : given.body }
  const file = item === undefined ? undefined : binaryOf(item, String(binaryName))
  return { status, headers: { 'content-type': file?.mimeType ?? 'application/octet-stream', ...headers }, body: null, ...(file !== undefined && { file }) }
}

/** A reference to where browsers may go (RFC 9110 section 10.2.2), in the characters that a header can carry. */
function locationOf (given: unknown): string {
  const text = String(given)
  const isPath = /^\/(?![/\\])/.test(text)
  const url = URL.canParse(text, isPath ? 'http://here' : undefined) ? new URL(text, isPath ? 'http://here' : undefined) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) throw new NodeError('WC_RESPOND_REDIRECT', 'A redirect leads to an http or https URL, or to a path that begins with /', { pointer: '/redirect' })
  return isPath ? url.pathname + url.search + url.hash : url.href
}

// An expression may give anything, "201" among it.
function statusOf (given: unknown): number {
  const status = given === undefined || given === null ? 200 : Number(given)
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new NodeError('WC_RESPOND_STATUS', 'The status must be a whole number from 200 to 599', { pointer: '/status' })
  }
  return status
}

function headersOf ({ headers }: RespondParameters): HttpAnswer['headers'] {
  const pairs = pairsOf(headers)
  for (const [name, value] of pairs) {
    const problem = headerProblem(name, value, 'response') ?? (name === COOKIE ? cookieProblem(value) : null)
    if (problem !== null) throw new NodeError('WC_RESPOND_HEADER', problem, { pointer: '/headers' })
  }
  if (pairs.reduce((size, [name, value]) => size + name.length + value.length, 0) > MAX_HEADERS) {
    throw new NodeError('WC_RESPOND_HEADER', `The headers of an answer may have ${MAX_HEADERS} characters together`, { pointer: '/headers' })
  }
  const set = pairs.filter(([name]) => name === COOKIE).map(([, value]) => value)
  return { ...Object.fromEntries(pairs), ...(set.length > 1 ? { [COOKIE]: set } : {}) }
}

/** Cookies are the one field whose values cannot stand in one line (RFC 6265 section 3): it may have a list. */
function pairsOf (headers: unknown): ReturnType<typeof headerPairs> {
  if (!isPlainObject(headers)) return headerPairs(headers)
  return Object.entries(headers).flatMap(([name, value]) => (name.toLowerCase() === COOKIE && Array.isArray(value) ? value : [value]).flatMap(one => headerPairs({ [name]: one })))
}

import { createHash } from 'node:crypto'
import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { isId } from '../lib/ids.ts'
import { InvalidInput } from '../services/problems.ts'

export const DEFAULT_PAGE_SIZE = 50
export const MAX_PAGE_SIZE = 200

export const pageProperties = {
  limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: DEFAULT_PAGE_SIZE, description: 'How many at most' }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: '`nextCursor` of the page before' }))
}

/** Query of a list without filters; spread `pageProperties` into an object of its own to add some. */
export const Page = Type.Object(pageProperties, { additionalProperties: false })
export type Page = Static<typeof Page>

export function listOf<T extends TSchema> (item: T) {
  return Type.Object({
    data: Type.Array(item),
    nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'For the next page; null on the last one' })
  })
}

const CURSOR = /^[A-Za-z0-9_-]{27}$/
const CHECK_BYTES = 4

/** An opaque cursor: the id of the last row of a page, with a check that tells an edited one. */
export function encodeCursor (id: string): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  return Buffer.concat([bytes, check(bytes)]).toString('base64url')
}

/** The id in a cursor. Throws InvalidInput for anything that this service did not hand out. */
export function decodeCursor (cursor: string): string {
  const bytes = CURSOR.test(cursor) ? Buffer.from(cursor, 'base64url') : Buffer.alloc(0)
  const hex = bytes.subarray(0, 16).toString('hex')
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  // Encoded again it must be the same text: base64url has several spellings for the last bits.
  if (!isId(id) || encodeCursor(id) !== cursor) {
    throw InvalidInput([{ pointer: '/query/cursor', message: 'is not a cursor of this list; start again without it', code: 'WC_INVALID_FORMAT' }])
  }
  return id
}

function check (bytes: Buffer): Buffer {
  return createHash('sha256').update('weconnect cursor').update(bytes).digest().subarray(0, CHECK_BYTES)
}

/**
 * The page out of up to `limit + 1` rows: query one more than asked for, to know whether there is a next page.
 */
export function toPage<R, T> (rows: readonly R[], limit: number, idOf: (row: R) => string, view: (row: R) => T): { data: T[], nextCursor: string | null } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { data: page.map(view), nextCursor: rows.length > limit && last !== undefined ? encodeCursor(idOf(last)) : null }
}

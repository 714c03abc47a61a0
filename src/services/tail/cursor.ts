import { crc32 } from 'node:zlib'
import { NIL_ID } from '../../lib/ids.ts'
import { CursorInvalid } from './problems.ts'

/**
 * A place in the order in which wide tails deliver: by transaction, execution, seq. Everything up to and including
 * it was delivered. In the tail of one execution the transaction is not known, and not needed: 0.
 */
export interface Position {
  readonly xid: number
  readonly executionId: string
  readonly seq: number
}

const FORMAT = 1
const LENGTH = 33
const CHECKED = 29
const TEXT = /^[A-Za-z0-9_-]{44}$/

/** Before every row of this transaction and of later ones. */
export function beginningOf (xid: number): Position {
  return { xid, executionId: NIL_ID, seq: 0 }
}

export function isAfter (left: Position, right: Position): boolean {
  if (left.xid !== right.xid) return left.xid > right.xid
  if (left.executionId !== right.executionId) return left.executionId > right.executionId
  return left.seq > right.seq
}

/** Opaque to clients. The check tells a damaged one; a forged one shows nothing that its sender may not see. */
export function encodeCursor ({ xid, executionId, seq }: Position): string {
  const bytes = Buffer.allocUnsafe(LENGTH)
  bytes.writeUInt8(FORMAT, 0)
  bytes.writeBigUInt64BE(BigInt(xid), 1)
  bytes.write(executionId.replaceAll('-', ''), 9, 'hex')
  bytes.writeUInt32BE(seq, 25)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CHECKED)), CHECKED)
  return bytes.toString('base64url')
}

/** Throws CursorInvalid. */
export function decodeCursor (text: string): Position {
  const bytes = TEXT.test(text) ? Buffer.from(text, 'base64url') : undefined
  if (bytes === undefined || bytes.readUInt8(0) !== FORMAT || bytes.readUInt32BE(CHECKED) !== crc32(bytes.subarray(0, CHECKED))) throw unknownCursor()
  const xid = Number(bytes.readBigUInt64BE(1))
  const seq = bytes.readUInt32BE(25)
  if (!Number.isSafeInteger(xid) || seq > MAX_SEQ) throw unknownCursor()
  const hex = bytes.toString('hex', 9, 25)
  return { xid, seq, executionId: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` }
}

export const MAX_SEQ = 2_147_483_646

/** Where the tail of one execution goes on, from a `seq` or from a cursor of one of its events. Throws CursorInvalid. */
export function seqAfter (executionId: string, after: number | string | null): number {
  if (after === null) return 0
  if (typeof after === 'number') return after
  const position = decodeCursor(after)
  if (position.executionId !== executionId) throw CursorInvalid('The cursor belongs to another execution.')
  return position.seq
}

function unknownCursor () {
  return CursorInvalid('This is not a cursor of this service. Send one as an event carried it, or null.')
}

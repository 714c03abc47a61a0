import type { QueuedExecution } from '../lib/queued-execution.ts'

/** Larger batches travel as ids only: Redis is no place for megabytes. Bytes of UTF-8. */
const LARGEST = 4 * 1024 * 1024
const LINE_BREAK = 0x0a

/** Lengths are bytes of UTF-8. */
type Head = readonly [id: string, workflowId: string, version: number, nodeId: string, trigger: string, payloadLength: number, originLength: number]

/**
 * The rows of a batch: a line of JSON with everything short and with the lengths of the JSON texts, then those, one
 * after the other, unescaped. Bytes, since one text of this size would go through the old generation of the garbage
 * collector. Undefined where it would be too large.
 */
export function encodeRows (executions: readonly QueuedExecution[]): Buffer | undefined {
  const heads: Head[] = []
  let size = 0
  for (const { id, workflowId, version, nodeId, trigger, payload, origin } of executions) {
    const payloadLength = Buffer.byteLength(payload)
    const originLength = Buffer.byteLength(origin)
    size += payloadLength + originLength
    if (size > LARGEST) return undefined
    heads.push([id, workflowId, version, nodeId, trigger, payloadLength, originLength])
  }
  const head = `${JSON.stringify(heads)}\n`
  const rows = Buffer.allocUnsafe(Buffer.byteLength(head) + size)
  let at = rows.write(head)
  for (const { payload, origin } of executions) {
    at += rows.write(payload, at)
    if (origin !== '') at += rows.write(origin, at)
  }
  return rows
}

/** Undefined where the bytes are not what `encodeRows` made. */
export function decodeRows (organizationId: string, rows: Buffer): QueuedExecution[] | undefined {
  const end = rows.indexOf(LINE_BREAK)
  if (end === -1) return undefined
  let at = end + 1
  const executions: QueuedExecution[] = []
  for (const [id, workflowId, version, nodeId, trigger, payloadLength, originLength] of JSON.parse(rows.toString('utf8', 0, end)) as Head[]) {
    const payload = rows.toString('utf8', at, at += payloadLength)
    const origin = originLength === 0 ? '' : rows.toString('utf8', at, at += originLength)
    executions.push({ id, organizationId, workflowId, version, nodeId, trigger, payload, origin })
  }
  return at === rows.length ? executions : undefined
}

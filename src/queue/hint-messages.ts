import type { ControlHint, SegmentHint } from './hint-bus.ts'

/** A larger message travels without its events; readers fetch those from the table. Bytes. */
export const LARGEST_MESSAGE = 256 * 1024
/** What the events of one message may have together, in characters: escaping makes them longer. */
const EVENTS_BUDGET = 160 * 1024
/** A hint without events is some 200 bytes. */
const HINTS_A_MESSAGE = 500

type HintRow = [workflowId: string, executionId: string, seq: number, lastSeq: number, status: string, events?: string]

/** What processes tell each other besides segments. */
export type ControlMessage =
  /** The process watches these organizations. */
  | { readonly type: 'interest', readonly organizations: readonly string[] }
  /** Who watches something should say so: the sender is new, or was cut off. */
  | { readonly type: 'ask' }
  | ControlHint

export interface Sent<T> {
  /** The process that sent it */
  readonly from: string
  readonly content: T
}

/** Hints of one organization as messages, of which there is one as a rule. */
export function encodeHints (from: string, hints: readonly SegmentHint[]): string[] {
  const messages: string[] = []
  for (let at = 0; at < hints.length; at += HINTS_A_MESSAGE) messages.push(encodeSome(from, hints.slice(at, at + HINTS_A_MESSAGE)))
  return messages
}

function encodeSome (from: string, hints: readonly SegmentHint[]): string {
  let budget = EVENTS_BUDGET
  const rows = hints.map(({ workflowId, executionId, seq, lastSeq, status, events }): HintRow => {
    budget -= events?.length ?? 0
    return events === undefined || budget < 0 ? [workflowId, executionId, seq, lastSeq, status] : [workflowId, executionId, seq, lastSeq, status, events]
  })
  const text = JSON.stringify([from, rows])
  if (Buffer.byteLength(text) <= LARGEST_MESSAGE) return text
  return JSON.stringify([from, rows.map(row => row.slice(0, 5))])
}

/** Undefined where the message is another version's, or not ours at all. */
export function decodeHints (organizationId: string, text: string): Sent<SegmentHint[]> | undefined {
  const message = parse(text)
  if (message === undefined || !Array.isArray(message.content) || !message.content.every(Array.isArray)) return undefined
  const content = (message.content as HintRow[]).map(([workflowId, executionId, seq, lastSeq, status, events]): SegmentHint =>
    ({ organizationId, workflowId, executionId, seq, lastSeq, status, events }))
  return { from: message.from, content }
}

export function encodeControl (from: string, content: ControlMessage): string {
  return JSON.stringify([from, content])
}

export function decodeControl (text: string): Sent<ControlMessage> | undefined {
  const message = parse(text)
  if (message === undefined || typeof message.content !== 'object' || message.content === null) return undefined
  const content = message.content as ControlMessage
  if (content.type === 'interest' && !Array.isArray(content.organizations)) return undefined
  return { from: message.from, content }
}

function parse (text: string): Sent<unknown> | undefined {
  try {
    const message: unknown = JSON.parse(text)
    if (!Array.isArray(message) || typeof message[0] !== 'string') return undefined
    return { from: message[0], content: message[1] }
  } catch {
    return undefined
  }
}

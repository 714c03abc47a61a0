import type { GivenItem, OutputItem } from './item.ts'
import type { StepError } from './node-error.ts'
import type { HttpAnswer } from './nodes/node-type.ts'
import { EVERYTHING_FITS, type StoredParts, type ValueStore } from './stored-values.ts'
import type { Wait } from './wait.ts'

/** Milliseconds since the epoch. */
export type Instant = number

export const TERMINAL_STATUSES = ['succeeded', 'failed', 'cancelled', 'timedOut'] as const
export type TerminalStatus = typeof TERMINAL_STATUSES[number]
export type ExecutionStatus = 'queued' | 'running' | 'waiting' | TerminalStatus

/** What is published by itself when an execution ends. */
export const EXECUTION_EVENTS: readonly string[] = TERMINAL_STATUSES.map(status => `execution.${status}`)

export type Outputs = Readonly<Record<string, readonly OutputItem[]>>

/** Which step: a node's run, and its attempt. */
interface StepKey {
  readonly nodeId: string
  readonly run: number
  readonly attempt: number
}

/** An execution that does not do all of what its workflow says: a part of it, or with items that somebody gave. */
export interface PartialRun {
  /** The nodes that take part. */
  readonly only?: readonly string[]
  /** What the node that it starts at gets instead of the trigger's item, by input. */
  readonly inputs?: ReadonlyArray<readonly GivenItem[]>
  /** Nodes that do not run: they send these items. */
  readonly pinned?: Readonly<Record<string, readonly GivenItem[]>>
}

/**
 * What is recorded of an execution; its state is the fold of these. Event 1, `execution.queued`, is the
 * acceptance row itself and never appears in a segment.
 */
export type Event =
  | { readonly type: 'execution.started', readonly at: Instant, readonly vars?: Readonly<Record<string, unknown>>, readonly partial?: PartialRun }
  | { readonly type: 'execution.waiting', readonly at: Instant }
  | { readonly type: 'execution.resumed', readonly at: Instant }
  | { readonly type: 'execution.succeeded', readonly at: Instant }
  | { readonly type: 'execution.failed', readonly at: Instant, readonly error: ExecutionError }
  | { readonly type: 'execution.cancelled', readonly at: Instant, readonly reason?: string }
  | { readonly type: 'execution.timedOut', readonly at: Instant, readonly error: ExecutionError }
  | StepKey & { readonly type: 'step.started', readonly at: Instant }
  | StepKey & { readonly type: 'step.succeeded', readonly at: Instant, readonly outputs: Outputs, readonly answer?: HttpAnswer, readonly stored?: StoredParts }
  /** Final: `outputs` are there when the workflow goes on all the same (`onError`). */
  | StepKey & { readonly type: 'step.failed', readonly at: Instant, readonly error: StepError, readonly outputs?: Outputs, readonly stored?: StoredParts }
  | StepKey & { readonly type: 'step.retrying', readonly at: Instant, readonly error: StepError, readonly until: Instant }
  /** `expires`: when the node's timeout ends it. */
  | StepKey & { readonly type: 'step.waiting', readonly at: Instant, readonly wait: Wait, readonly expires?: Instant, readonly stored?: StoredParts }
  | StepKey & { readonly type: 'step.skipped', readonly at: Instant }
  | { readonly type: 'log', readonly at: Instant, readonly level: LogLevel, readonly message: string, readonly nodeId?: string, readonly run?: number, readonly data?: unknown }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Why an execution failed; `nodeId` names the step that is to blame. */
export interface ExecutionError extends StepError {
  readonly nodeId?: string
}

export type StepEvent = Extract<Event, { type: `step.${string}` }>

export function isTerminalEvent (event: Event): event is Extract<Event, { type: `execution.${TerminalStatus}` }> {
  return terminalStatusOf(event) !== undefined
}

/** The final status that an event puts an execution in, if it does. */
export function terminalStatusOf (event: Event): TerminalStatus | undefined {
  switch (event.type) {
    case 'execution.succeeded': return 'succeeded'
    case 'execution.failed': return 'failed'
    case 'execution.cancelled': return 'cancelled'
    case 'execution.timedOut': return 'timedOut'
    default: return undefined
  }
}

/** A stored event leaves out what holds its usual value: run 0, attempt 1. */
export type StoredEvent = Omit<Event, 'run' | 'attempt'> & { readonly run?: number, readonly attempt?: number }

/** From this many times the size of a large value on, a segment leaves out smaller values, too. */
const LARGE_SEGMENT = 8
const SMALLER = 1 / 32

/**
 * One segment's events as the JSON text that is stored, on one line. Put together by hand: every execution passes here.
 * Joined, so that the text is one flat string: thousands await their commit, and as trees of parts they would keep the garbage collector busy.
 */
export function encodeEvents (events: readonly Event[], values: ValueStore = EVERYTHING_FITS): string {
  let size = 0
  return '[' + events.map(event => {
    const text = encodeEvent(event, values, size <= values.limit * LARGE_SEGMENT ? values.limit : values.limit * SMALLER)
    size += text.length
    return text
  }).join(',') + ']'
}

function encodeEvent (event: Event, values: ValueStore, limit: number): string {
  if (!('attempt' in event)) return JSON.stringify(event)
  let text = `{"type":"${event.type}","nodeId":${JSON.stringify(event.nodeId)},"at":${event.at}`
  // What an event lacks already stays where it is.
  let stored: StoredParts | undefined = 'stored' in event ? event.stored : undefined
  if (event.run !== 0) text += `,"run":${event.run}`
  if (event.attempt !== 1) text += `,"attempt":${event.attempt}`
  if ('outputs' in event && event.outputs !== undefined) {
    const json = encodeOutputs(event.outputs)
    if (json.length <= limit) text += `,"outputs":${json}`
    else stored = { outputs: { ...values.add(json), counts: itemCounts(event.outputs) } }
  }
  if ('answer' in event) {
    const json = JSON.stringify(event.answer)
    if (json.length <= limit) text += `,"answer":${json}`
    else stored = { ...stored, answer: values.add(json) }
  }
  if ('error' in event) text += `,"error":${JSON.stringify(event.error)}`
  if ('until' in event) text += `,"until":${event.until}`
  if ('wait' in event) {
    const json = JSON.stringify(event.wait)
    const fits = json.length <= limit || event.wait.kind !== 'children'
    if (!fits) stored = { wait: values.add(json) }
    text += `,"wait":${fits ? json : JSON.stringify(withoutItems(event.wait))}`
  }
  if ('expires' in event) text += `,"expires":${event.expires}`
  if (stored !== undefined) text += `,"stored":${JSON.stringify(stored)}`
  return text + '}'
}

/** What is told of a wait whose children sent too much to stand in an event. */
function withoutItems (wait: Wait): Wait {
  return wait.kind === 'children' ? { ...wait, ended: wait.ended.map(({ items: _items, ...end }) => end) } : wait
}

/** Items by output name. */
export function itemCounts (outputs: Outputs): Record<string, number> {
  return Object.fromEntries(Object.entries(outputs).map(([name, items]) => [name, items.length]))
}

/** An output that sent nothing says nothing. */
function encodeOutputs (outputs: Outputs): string {
  let text = '{'
  for (const name of Object.keys(outputs)) {
    if (outputs[name]!.length > 0) text += `${text.length === 1 ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(outputs[name])}`
  }
  return text + '}'
}

/** Events of a segment. Those with `stored` parts lack them: see `ValueStore`. */
export function decodeEvents (stored: readonly StoredEvent[]): Event[] {
  return stored.map(event => (event.type.startsWith('step.') ? { run: 0, attempt: 1, ...event } : event) as Event)
}

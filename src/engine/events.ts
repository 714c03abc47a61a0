import type { GivenItem, OutputItem } from './item.ts'
import type { StepError } from './node-error.ts'
import type { HttpAnswer } from './nodes/node-type.ts'
import type { StoredParts } from './stored-values.ts'
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

/** Items by output name. */
export function itemCounts (outputs: Outputs): Record<string, number> {
  return Object.fromEntries(Object.entries(outputs).map(([name, items]) => [name, items.length]))
}

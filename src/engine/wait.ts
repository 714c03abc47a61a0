import type { ChildEnd, Children, ChildrenChange } from './children.ts'
import type { Instant } from './events.ts'

/**
 * What a step waits for, as its event records it. `until` is when it goes on whatever happens; without it
 * the step waits for ever.
 */
export type Wait =
  | { readonly kind: 'timer', readonly until: Instant }
  | { readonly kind: 'callback', readonly until?: Instant }
  | { readonly kind: 'approval', readonly choices: readonly string[], readonly message?: string, readonly until?: Instant }
  /** For executions that it started: what changed since its event before. */
  | ChildrenChange & { readonly kind: 'children', readonly until?: Instant }

/** Something from outside that a waiting step was told. It names the run that it is meant for, which may not wait yet. */
export type Incoming =
  | { readonly kind: 'callback', readonly nodeId: string, readonly run: number, readonly request: CallbackRequest }
  | { readonly kind: 'approval', readonly nodeId: string, readonly run: number, readonly approval: Approval }
  | { readonly kind: 'child', readonly nodeId: string, readonly run: number, readonly child: ChildEnd }

export interface CallbackRequest {
  readonly method: string
  readonly query: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: unknown
}

export interface Approval {
  readonly choice: string
  /** Whoever holds a link is nobody in particular. */
  readonly by: { readonly type: 'user' | 'apiKey', readonly id: string } | { readonly type: 'link' }
  /** RFC 3339 */
  readonly at: string
  readonly comment?: string
}

/** Why a waiting step goes on. */
export type Resumption =
  | { readonly kind: 'timeUp', readonly wait: Wait, readonly children?: Children | undefined }
  | { readonly kind: 'message', readonly wait: Wait, readonly message: Incoming, readonly children?: Children | undefined }

/** Whether a message is what the wait is for. */
export function answers (message: Incoming, { wait, children }: { readonly wait: Wait, readonly children?: Children | undefined }): boolean {
  if (message.kind === 'child') return message.child.executionId !== undefined && children?.open.get(message.child.index) === message.child.executionId
  if (message.kind === 'approval') return wait.kind === 'approval' && wait.choices.includes(message.approval.choice)
  return message.kind === wait.kind
}

/** Whether somebody outside is to answer, who must be turned away once it is over. */
export function isAnsweredOutside ({ kind }: Wait): boolean {
  return kind === 'callback' || kind === 'approval'
}

/** The end of year 9999: later moments have no RFC 3339 form. */
export const LAST_INSTANT: Instant = 253_402_300_799_000

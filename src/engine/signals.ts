import type { Beginning } from './beginning.ts'
import type { ChildStart } from './children.ts'
import type { Instant } from './events.ts'
import type { StepError } from './node-error.ts'
import type { HttpAnswer, NodeOutcome } from './nodes/node-type.ts'
import type { PlanNode } from './plan.ts'
import type { Token } from './state.ts'
import type { Incoming, Resumption, Wait } from './wait.ts'

/** What happened, as the runtime reports it. */
export type Signal =
  /** `vars` is what `$vars` shows from now on; recorded, so that a resumed execution sees the same. */
  | { readonly type: 'begin', readonly vars?: Readonly<Record<string, unknown>>, readonly beginning?: Beginning }
  /** A runner takes the execution up from its events, with what it was told by then, which goes before what is due: after a crash, when it was given back, or when a timer is due. */
  | { readonly type: 'resume', readonly mail?: readonly Incoming[] }
  | { readonly type: 'stepSucceeded', readonly nodeId: string, readonly run: number, readonly attempt: number, readonly outcome: NodeOutcome }
  | { readonly type: 'stepFailed', readonly nodeId: string, readonly run: number, readonly attempt: number, readonly error: StepError }
  /** The step waits from now on, or, having waited, for something else. */
  | { readonly type: 'stepSuspended', readonly nodeId: string, readonly run: number, readonly attempt: number, readonly wait: Wait, readonly start?: readonly ChildStart[] | undefined }
  /** Nothing happens where no step waits for it: it may come before its wait, and is to be said again then. */
  | { readonly type: 'message', readonly message: Incoming }
  | { readonly type: 'timerDue' }
  | { readonly type: 'cancel', readonly reason?: string }

/** What the runtime is to do. */
export type Command =
  | { readonly type: 'runStep', readonly node: PlanNode, readonly run: number, readonly attempt: number, readonly inputs: readonly Token[] }
  /** Ask the node type what follows, and report its answer before anything else. */
  | { readonly type: 'resumeStep', readonly node: PlanNode, readonly run: number, readonly attempt: number, readonly inputs: readonly Token[], readonly resumption: Resumption }
  /** What was to be answered from outside is over: an answer that comes now is too late. */
  | { readonly type: 'closeWait', readonly nodeId: string, readonly run: number }
  /** To be accepted with the events of this decision, or not at all. */
  | { readonly type: 'startChildren', readonly nodeId: string, readonly run: number, readonly children: readonly ChildStart[] }
  /** Their step waits for them no more: they are to stop. */
  | { readonly type: 'cancelChildren', readonly executionIds: readonly string[] }
  /** Call back at `at` with `timerDue`: the earliest that anything waits for. */
  | { readonly type: 'startTimer', readonly at: Instant }
  | { readonly type: 'respond', readonly answer: HttpAnswer }
  /** The execution is terminal; whatever still runs is to be aborted. */
  | { readonly type: 'finish' }

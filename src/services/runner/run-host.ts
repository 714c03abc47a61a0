import type { ChildTarget } from '../../engine/children.ts'
import type { Instant } from '../../engine/events.ts'
import type { Connect } from '../../engine/nodes/connect.ts'
import type { CredentialSource } from '../credentials/source.ts'
import type { CodeAnswer, CodeRun } from '../../engine/code/run-code.ts'
import type { NodeFiles } from '../../engine/nodes/node-files.ts'
import type { LargeValues } from '../files/large-values.ts'
import type { AnswerLinks } from '../answer-links.ts'
import type { TenantFetch } from '../egress/index.ts'
import type { EventWriter } from './event-writer.ts'
import type { KeyMemoryStore } from './key-memory.ts'
import type { ExecutionRun } from './execution-run.ts'
import type { RunIdentity } from './run-identity.ts'

/** Where code of organizations runs. */
export interface CodeSandbox {
  /** An abort ends the code at once; rejects with its reason, or NodeError where the sandbox failed. */
  run (organizationId: string, run: CodeRun, signal: AbortSignal): Promise<CodeAnswer>
}

/** How a run ended: the execution is over, waits, belongs to another now, or must be loaded anew to see its mail. */
export type RunEnd = 'finished' | 'parked' | 'lost' | 'reload'

/** What a run needs of the process that it runs in. */
export interface RunHost {
  readonly writer: EventWriter
  readonly values: LargeValues
  readonly fetch: TenantFetch
  readonly connect: Connect
  readonly credentials: CredentialSource
  readonly sandbox: CodeSandbox
  filesOf (identity: RunIdentity): NodeFiles
  readonly keyMemory: KeyMemoryStore
  readonly links: AnswerLinks
  /** Where a workflow of an organization starts as a part of another. Throws NodeError. */
  subWorkflow (identity: RunIdentity, workflowId: string): Promise<ChildTarget>
  /** Lets an execution refer to the files of another. */
  shareFiles (organizationId: string, from: string, to: string): Promise<void>
  /** Whether somebody waits for this event, the end of an execution, as far as is known; true where it is not. */
  isAwaited (organizationId: string, event: string): boolean
  executionUrl (executionId: string): string
  now (): Instant
  /** Something that no node may cause went wrong; never thrown at the caller. */
  fault (run: ExecutionRun, error: unknown): void
  /** The execution waits; somebody should claim it at that time. */
  parked (run: ExecutionRun, dueAt: Instant): void
  /** It was claimed too early: its lease is to be given back until that time. */
  unpark (run: ExecutionRun, dueAt: Instant, read: readonly string[]): void
}

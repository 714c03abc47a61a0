import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import type { HintBus } from '../queue/hint-bus.ts'
import type { Queue } from '../queue/port.ts'
import type { AnswerLinks } from '../services/answer-links.ts'
import type { Files } from '../services/files/files.ts'
import type { LargeValues } from '../services/files/large-values.ts'
import type { Metrics } from '../services/metrics.ts'
import type { Quotas } from '../services/quotas/quotas.ts'
import type { Plans } from '../services/plans.ts'
import type { Outside } from './outside.ts'

/** What the halves of the runtime, the way in and the running, are both made of. */
export interface RuntimeParts {
  readonly config: Config
  readonly database: Database
  readonly queue: Queue
  readonly hints: HintBus
  readonly outside: Outside
  readonly plans: Plans
  /** Where clients reach the service, as far as is known, without a slash at its end. */
  readonly address: string
  readonly files: Files
  readonly values: LargeValues
  readonly links: AnswerLinks
  readonly metrics: Metrics
  readonly quotas: Quotas
  readonly log: Logger
  /** Milliseconds since the epoch, as the database sees them. */
  readonly now: () => number
  readonly nextId: () => string
  /** Statements at once */
  readonly statements: { readonly acceptances: number, readonly keyedAcceptances: number, readonly appends: number }
}

import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { builtinNodes } from '../engine/nodes/index.ts'
import type { NodePackage } from '../engine/nodes/external/read-package.ts'
import type { NodeType } from '../engine/nodes/node-type.ts'
import { NodeRegistry } from '../engine/nodes/registry.ts'
import { pruneAuditLog } from '../db/queries/audit-log-read.ts'
import type { Keyring } from '../lib/secret-box.ts'
import { createIdSource } from '../lib/ids.ts'
import type { Buckets } from '../lib/token-bucket.ts'
import type { HintBus } from '../queue/hint-bus.ts'
import type { Queue } from '../queue/port.ts'
import type { RedisLink } from '../queue/redis.ts'
import { resolveSecrets, type Secrets } from '../secrets.ts'
import type { Acceptance } from '../services/acceptance.ts'
import { createAnswerLinks } from '../services/answer-links.ts'
import type { Answers } from '../services/answers.ts'
import { createDatabaseClock, type DatabaseClock } from '../services/database-clock.ts'
import type { Dispatcher } from '../services/dispatcher.ts'
import { createExecutionService, type ExecutionService } from '../services/executions/index.ts'
import { createEvents, type Events } from '../services/events/events.ts'
import { createEventSubscriptions, type EventSubscriptions } from '../services/event-subscriptions/subscriptions.ts'
import type { Files } from '../services/files/files.ts'
import type { Identity } from '../services/identity/identity.ts'
import { createMetrics, type Metrics } from '../services/metrics.ts'
import { createNodePackages, type NodePackages } from '../services/node-packages.ts'
import { createPlans, type Plans } from '../services/plans.ts'
import type { Runner } from '../services/runner/runner.ts'
import { createPolls, type Polls } from '../services/polls/polls.ts'
import { createSchedules, type Schedules } from '../services/schedules/schedules.ts'
import type { Sweeper } from '../services/sweeper.ts'
import { createTailHub, type TailHub } from '../services/tail/index.ts'
import { createUpkeep } from '../services/upkeep.ts'
import { createQuotas, type Quotas } from '../services/quotas/quotas.ts'
import { createSecretCheck } from '../services/webhooks/check-secrets.ts'
import { createBulkOperations, type BulkOperations } from '../services/bulk/operations.ts'
import { startBulkWorker } from '../services/bulk/worker.ts'
import { createDeliveries, type Deliveries } from '../services/deliveries/deliveries.ts'
import type { Refusals } from '../services/deliveries/refusals.ts'
import type { BatchReceiver } from '../services/webhooks/receive-batch.ts'
import type { Webhooks } from '../services/webhooks/webhooks.ts'
import type { WebhookReceiver } from '../services/webhooks/receive-webhook.ts'
import type { CredentialService } from '../services/credentials/index.ts'
import type { Authorizations } from '../services/oauth2/authorizations.ts'
import { createWorkflowService, type WorkflowService } from '../services/workflows/index.ts'
import { createVariables, type Variables } from '../services/workflows/variables.ts'
import { startExecuting } from './executing.ts'
import { createIngestion } from './ingestion.ts'
import { openIdentity } from './open-identity.ts'
import type { OpenDatabase } from './open-database.ts'
import { openFiles } from './open-files.ts'
import { openQueue } from './open-queue.ts'
import { manageCredentials, openOutside } from './outside.ts'
import type { RuntimeParts } from './parts.ts'

/** Everything that lives as long as the process, wired once. */
export interface Runtime {
  readonly config: Config
  readonly log: Logger
  readonly secrets: Secrets
  readonly database: Database
  readonly clock: DatabaseClock
  readonly nextId: () => string
  readonly registry: NodeRegistry
  readonly packages: NodePackages
  readonly metrics: Metrics
  readonly hints: HintBus
  readonly queue: Queue
  /** For limits and caches that API processes share; null where there is no Redis. */
  readonly redis: RedisLink | null
  readonly buckets: Buckets
  readonly quotas: Quotas
  readonly plans: Plans
  readonly acceptance: Acceptance
  readonly receiver: WebhookReceiver
  readonly batches: BatchReceiver
  readonly refusals: Refusals
  readonly deliveries: Deliveries
  readonly bulk: BulkOperations
  readonly identity: Identity
  readonly keyring: Keyring
  readonly workflows: WorkflowService
  readonly variables: Variables
  readonly credentials: CredentialService
  readonly authorizations: Authorizations
  readonly executions: ExecutionService
  readonly events: Events
  readonly eventSubscriptions: EventSubscriptions
  readonly schedules: Schedules
  readonly polls: Polls
  readonly webhooks: Webhooks
  readonly answers: Answers
  readonly tail: TailHub
  readonly files: Files
  /** Only in processes that run executions. */
  readonly runner: Runner | undefined
  readonly sweeper: Sweeper | undefined
  /** Tells when the embedded database died: the process must end. */
  onFailure (listener: (error: Error) => void): void
  /** In reverse order of construction. What runs gets that long to end. */
  close (graceMilliseconds: number): Promise<void>
}

/** At once. More plain acceptances, since most clients wait for those. */
const STATEMENTS = { acceptances: 3, keyedAcceptances: 2, appends: 2 }
/** The embedded database has one session: more would only wait there. */
const EMBEDDED_STATEMENTS = { acceptances: 1, keyedAcceptances: 1, appends: 1 }

/**
 * @param nodes the node types that come with WeConnect
 * @param allowed the packages with more of them
 */
export async function createRuntime (config: Config, log: Logger, { database, embedded }: OpenDatabase, nodes: readonly NodeType[] = builtinNodes, allowed: readonly NodePackage[] = []): Promise<Runtime> {
  const secrets = await resolveSecrets(config)
  const sql = database.service
  const clock = createDatabaseClock(sql)
  const { now } = clock
  const nextId = createIdSource(now)
  const { files, values, reaper, close: closeStorage } = await openFiles(config, { sql, nextId, log })
  const chores = [async () => { await identity.organizations.deleteLeftovers() }, async () => { await pruneAuditLog(sql) }]
  const upkeep = createUpkeep({ database, clock, retentionDays: config.retentionDays, reaper, chores, log })
  await clock.synchronise()
  await upkeep.prepare()

  const metrics = createMetrics()
  const registry = new NodeRegistry([...nodes, ...allowed.flatMap(one => one.nodes)])
  const packages = createNodePackages(allowed, { nextId })
  const { hints, queue, redis, buckets, liveSessions } = await openQueue(config, now, log)
  const plans = createPlans(sql, registry)
  const statements = database.embedded ? EMBEDDED_STATEMENTS : STATEMENTS
  const outside = openOutside({ config, database, hints, metrics, log, now, nextId }, secrets)
  const address = addressOf(config.server)
  const shared = { config, database, queue, hints, outside, plans, address, links: createAnswerLinks([secrets.encryptionKey, ...secrets.previousKeys], address), files, values, metrics, quotas: createQuotas({ sql, now, log }), log, now, nextId, statements }
  const ingestion = createIngestion({ ...shared, buckets, ensurePartitions: upkeep.ensurePartitions })
  const { acceptance } = ingestion
  const identity = await openIdentity(shared, liveSessions, address)
  const workflows = openWorkflows(shared, registry, packages)
  const variables = createVariables({ nextId })
  const executions = createExecutionService({ packages, sql, plans, acceptance, values, reaper, hints, nextId, now })
  const events = createEvents({ plans, acceptance, quotas: shared.quotas, nextId, now })
  const eventSubscriptions = createEventSubscriptions({ vault: outside.vault, nextId, now, onSubscribed: organizationId => { hints.control({ type: 'subscription', organizationId }) } })
  const tail = createTailHub({ sql, hints, now, log, metrics })
  const executing = config.mode === 'api' ? undefined : await startExecuting(shared, ingestion.dispatcher)
  const bulkWorker = executing && startBulkWorker({ database, executions, nextId, log })
  for (const part of [shared.quotas, upkeep]) part.start()

  return {
    ...shared,
    ...ingestion,
    secrets,
    clock,
    registry,
    packages,
    redis,
    buckets,
    identity,
    keyring: outside.keyring,
    workflows,
    variables,
    ...manageCredentials(outside, shared, addressOf(config.server)),
    executions,
    events,
    eventSubscriptions,
    ...again(executions, nextId),
    ...byTheClock(shared, ingestion.dispatcher),
    tail,
    runner: executing?.runner,
    sweeper: executing?.sweeper,
    onFailure: listener => embedded?.onFailure(listener),
    async close (graceMilliseconds) {
      await bulkWorker?.close()
      await ingestion.close()
      tail.close()
      await (executing === undefined ? queue.close(graceMilliseconds) : executing.close(graceMilliseconds))
      await Promise.all([shared.quotas.close(), outside.close()])
      await hints.close()
      redis?.close()
      await upkeep.close()
      await closeStorage()
      await database.close()
      await embedded?.close()
    }
  }
}

function openWorkflows ({ hints, outside: { credentials, fetch }, address, now, nextId }: RuntimeParts, registry: NodeRegistry, packages: NodePackages): WorkflowService {
  return createWorkflowService({
    registry,
    packages,
    checkSecrets: createSecretCheck({ credentials, fetch, address }),
    nextId,
    clock: now,
    onPublicationChanged: (organizationId, workflowId) => { hints.control({ type: 'publication', organizationId, workflowId }) }
  })
}

/** Where clients reach the service, as far as is known. */
function addressOf ({ publicUrl, host, port }: Config['server']): string {
  return publicUrl ?? `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host}:${port}`
}

/** What clients see and do of what starts by the clock. */
function byTheClock ({ database: { service: sql }, plans, outside, quotas, nextId, now }: RuntimeParts, dispatcher: Dispatcher): Pick<Runtime, 'schedules' | 'polls'> {
  return {
    schedules: createSchedules({ sql, dispatcher, quotas, nextId, now }),
    polls: createPolls({ sql, plans, fetch: outside.tenantFetch, credentials: outside.credentials, nextId, now })
  }
}

/** What does something once more with what came in before. */
function again (executions: ExecutionService, nextId: () => string): Pick<Runtime, 'deliveries' | 'bulk'> {
  return { deliveries: createDeliveries(executions), bulk: createBulkOperations({ nextId }) }
}

import type { Buckets } from '../lib/token-bucket.ts'
import type { HintBus } from '../queue/hint-bus.ts'
import { createAcceptance, type Acceptance } from '../services/acceptance.ts'
import { createAnswers, type Answers } from '../services/answers.ts'
import { createAnswerWaiter } from '../services/await-answer.ts'
import { createDispatcher, type Dispatcher } from '../services/dispatcher.ts'
import { createRefusals, type Refusals } from '../services/deliveries/refusals.ts'
import { createEndpoints } from '../services/webhooks/endpoints.ts'
import { createBatchReceiver, type BatchReceiver } from '../services/webhooks/receive-batch.ts'
import { createRequestReader } from '../services/webhooks/read-request.ts'
import { createTallies } from '../services/webhooks/tallies.ts'
import { createWebhooks, type Webhooks } from '../services/webhooks/webhooks.ts'
import { createWebhookReceiver, type WebhookReceiver } from '../services/webhooks/receive-webhook.ts'
import { createBodyStore } from '../services/webhooks/store-body.ts'
import type { RuntimeParts } from './parts.ts'

export interface Ingestion {
  readonly acceptance: Acceptance
  readonly dispatcher: Dispatcher
  readonly receiver: WebhookReceiver
  readonly batches: BatchReceiver
  readonly refusals: Refusals
  readonly answers: Answers
  readonly webhooks: Webhooks
  /** Commits and dispatches what has come in. */
  close (): Promise<void>
}

export interface IngestionParts extends RuntimeParts {
  readonly ensurePartitions: () => Promise<void>
  readonly buckets: Buckets
}

/** A batch costs a job in Redis, and next to nothing in this process. milliseconds */
const COALESCE_IN_PROCESS = 5

/** The way in: from a request to a committed and dispatched execution. */
export function createIngestion ({ config, database: { service: sql }, queue, hints, outside, plans, address, links, files, values, metrics, quotas, log, now, nextId, ensurePartitions, buckets, statements }: IngestionParts): Ingestion {
  const dispatcher = announcing(createDispatcher(queue, log, config.redis === null ? COALESCE_IN_PROCESS : undefined), hints)
  const acceptance = createAcceptance({ sql, dispatcher, values, metrics, quotas, ensurePartitions, statements })
  const waiter = createAnswerWaiter({ sql, plans, values, hints, log })
  const gates = { credentials: outside.credentials, fetch: outside.fetch, address, now }
  const tallies = createTallies(sql, log)
  const endpoints = createEndpoints({ sql, plans, hints, gates, buckets, organizationLimit: config.server.hookRateLimit, requestsPerMinute: quotas.requestsPerMinute, tallies })
  const { maxBodySize, maxBatchSize } = config.server
  const bodies = createBodyStore({ files, metrics, maxFileSize: config.maxFileSize })
  const read = createRequestReader({ bodies, acceptance, nextId, now, maxBodySize })
  const refusals = createRefusals({ sql, endpoints, metrics, log, nextId })
  return {
    webhooks: createWebhooks({ tallies, address }),
    acceptance,
    refusals,
    dispatcher,
    answers: createAnswers({ sql, links, hints, now }),
    receiver: createWebhookReceiver({ endpoints, acceptance, answers: waiter, read, files }),
    batches: createBatchReceiver({ endpoints, acceptance, nextId, now, maxBodySize, maxBatchSize }),
    async close () {
      await acceptance.drained()
      await tallies.close()
      await dispatcher.flush()
      await refusals.close()
      endpoints.close()
      waiter.close()
    }
  }
}

/** Tells who tails an organization of what was accepted in it. */
function announcing (dispatcher: Dispatcher, hints: HintBus): Dispatcher {
  return {
    ...dispatcher,
    dispatch (executions) {
      dispatcher.dispatch(executions)
      for (const organizationId of new Set(executions.map(execution => execution.organizationId))) hints.control({ type: 'accepted', organizationId })
    }
  }
}

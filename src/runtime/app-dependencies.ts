import type { FastifyPluginAsync } from 'fastify'
import type { AppDependencies, Mount } from '../app.ts'
import { answerRoutes } from '../routes/answers.ts'
import { circuitRoutes } from '../routes/circuits.ts'
import { executionActionRoutes, executionRoutes, startRoutes } from '../routes/executions.ts'
import { fileRoutes } from '../routes/files.ts'
import { hookRoutes } from '../routes/hooks.ts'
import { oauth2CallbackRoutes, oauth2Routes } from '../routes/oauth2.ts'
import { pollRoutes, pollTestRoutes } from '../routes/polls.ts'
import { scheduleRoutes } from '../routes/schedules.ts'
import { tailRoutes, tailTicketRoutes } from '../routes/tail.ts'
import { executionStepRoutes } from '../routes/execution-steps.ts'
import { executionEventRoutes } from '../routes/execution-events.ts'
import { bulkOperationRoutes, bulkRetryRoutes, deadLetterRoutes } from '../routes/bulk-operations.ts'
import { deliveryRoutes } from '../routes/deliveries.ts'
import { eventSubscriptionRoutes } from '../routes/event-subscriptions.ts'
import { eventRoutes, eventTypeRoutes } from '../routes/events.ts'
import { credentialMounts } from '../routes/credential-mounts.ts'
import { webhookDocumentRoutes, webhookRoutes } from '../routes/webhooks.ts'
import { workflowMounts } from '../routes/workflow-mounts.ts'
import { readiness } from './readiness.ts'
import type { Runtime } from './runtime.ts'

/** What the HTTP side gets of the runtime, and which routes stand in which scope. */
export function appDependencies (runtime: Runtime): AppDependencies {
  const { config, secrets, log, database, clock, nextId, identity, redis, metrics, workflows, variables, credentials, executions, registry, packages } = runtime
  const { maxBodySize, publicUrl } = config.server
  const secure = publicUrl?.startsWith('https:') === true
  return {
    config,
    secrets,
    keyring: runtime.keyring,
    log,
    database,
    clock: clock.now,
    nextId,
    identity,
    redis: redis?.client ?? null,
    buckets: runtime.buckets,
    quotas: runtime.quotas,
    registry: metrics.registry,
    readiness: readiness(runtime),
    publicRoutes: [
      { prefix: '/hooks', forPrograms: true, routes: async app => { await app.register(hookRoutes, { receiver: runtime.receiver, batches: runtime.batches, refusals: runtime.refusals, maxBodySize }) } },
      { prefix: '/v1', routes: async app => { await app.register(answerRoutes, { answers: runtime.answers, maxBodySize }) } },
      { prefix: '/v1/oauth2', routes: async app => { await app.register(oauth2CallbackRoutes, { authorizations: runtime.authorizations }) } },
      { prefix: '/v1/tail', routes: async app => { await app.register(tailRoutes, { tail: runtime.tail }) } }
    ],
    organizationRoutes: [mount('/organizations', async app => { await app.register(webhookDocumentRoutes, { webhooks: runtime.webhooks }) })],
    tenantRoutes: [
      ...workflowMounts({ workflows, variables, registry, packages }),
      ...credentialMounts(credentials),
      mount('/oauth2', async app => { await app.register(oauth2Routes, { authorizations: runtime.authorizations, secure }) }),
      mount('/workflows', async app => {
        await app.register(startRoutes, { executions, maxBodySize })
        await app.register(pollTestRoutes, { polls: runtime.polls })
      }),
      mount('/executions', async app => {
        await app.register(executionRoutes, { executions })
        await app.register(executionStepRoutes, { executions })
        await app.register(executionActionRoutes, { executions })
        await app.register(bulkRetryRoutes, { bulk: runtime.bulk })
        await app.register(executionEventRoutes, { tail: runtime.tail })
      }),
      mount('/files', async app => { await app.register(fileRoutes, { files: runtime.files }) }),
      mount('/circuits', async app => { await app.register(circuitRoutes) }),
      mount('/webhooks', async app => { await app.register(webhookRoutes, { webhooks: runtime.webhooks }) }),
      mount('/schedules', async app => { await app.register(scheduleRoutes, { schedules: runtime.schedules }) }),
      mount('/polls', async app => { await app.register(pollRoutes, { polls: runtime.polls }) }),
      mount('/events', async app => { await app.register(eventRoutes, { events: runtime.events, maxBodySize }) }),
      mount('/deliveries', async app => { await app.register(deliveryRoutes, { deliveries: runtime.deliveries, bulk: runtime.bulk }) }),
      mount('/dead-letters', async app => { await app.register(deadLetterRoutes, { executions }) }),
      mount('/bulk-operations', async app => { await app.register(bulkOperationRoutes, { bulk: runtime.bulk }) }),
      mount('/event-subscriptions', async app => { await app.register(eventSubscriptionRoutes, { subscriptions: runtime.eventSubscriptions }) }),
      mount('/event-types', async app => { await app.register(eventTypeRoutes, { events: runtime.events }) }),
      mount('/tail', async app => { await app.register(tailTicketRoutes, { tail: runtime.tail }) })
    ]
  }
}

function mount (prefix: string, routes: FastifyPluginAsync): Mount {
  return { prefix, routes }
}

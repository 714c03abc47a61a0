import Fastify, { LogController, type FastifyInstance } from 'fastify'
import { errors } from '../plugins/errors.ts'
import { health } from '../plugins/health.ts'
import { metrics } from '../plugins/metrics.ts'
import { notFound } from '../plugins/not-found.ts'
import { readiness } from './readiness.ts'
import type { Runtime } from './runtime.ts'

/** What a separate worker shows its operators, and nothing else. */
export async function buildWorkerApp (runtime: Runtime): Promise<FastifyInstance> {
  const app = Fastify({ loggerInstance: runtime.log, logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }), genReqId: runtime.nextId })
  await app.register(errors)
  await app.register(notFound)
  await app.register(metrics, { registry: runtime.metrics.registry })
  await app.register(health, { checks: readiness(runtime) })
  return app as unknown as FastifyInstance
}

import type { ReadinessChecks } from '../plugins/health.ts'
import type { Runtime } from './runtime.ts'

/** Each dependency that a process cannot do its work without. */
export function readiness ({ config, database, queue }: Runtime): ReadinessChecks {
  return {
    database: async () => await database.service`select 1`,
    ...(config.redis === null ? {} : { redis: async () => { await queue.ping() } })
  }
}

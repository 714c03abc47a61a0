import { pino } from 'pino'
import type { Test } from 'tap'
import type { TenantDb } from '../../src/db/client.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { createExecutionService, type ExecutionService } from '../../src/services/executions/index.ts'
import { createFileReaper, type FileReaper } from '../../src/services/files/reaper.ts'
import { createPlans } from '../../src/services/plans.ts'
import { createFilesOn, createWorker, statusOf, untilEnded, type Site, type Worker, type WorkerOptions } from './durable-path.ts'

export interface StepView {
  readonly nodeId: string
  readonly run: number
  readonly status: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly outputs: Readonly<Record<string, ReadonlyArray<{ readonly json: Readonly<Record<string, unknown>> }>>>
}

export interface Service {
  readonly worker: Worker
  readonly db: TenantDb
  readonly executions: ExecutionService
  readonly reaper: FileReaper
  steps (id: string): Promise<StepView[]>
  /** Starts it and waits for its end. */
  ended (started: Promise<{ executionId: string }>): Promise<{ id: string, status: string, steps: Map<string, StepView> }>
}

/** What the routes call, before a worker on the same database. */
export function executionService (t: Test, site: Site, options: WorkerOptions = {}): Service {
  const worker = createWorker(t, site, options)
  const { values } = createFilesOn(site, options)
  const reaper = createFileReaper({ sql: site.sql, storage: site.storage, log: pino({ level: 'silent' }) })
  t.teardown(async () => { await reaper.close() })
  const db = site.database.tenant(site.organizationId)
  const plans = createPlans(site.sql, new NodeRegistry([...builtinNodes, ...options.nodes ?? []]))
  const executions = createExecutionService({ packages: { enabled: async () => new Set() }, sql: site.sql, plans, acceptance: worker.acceptance, values, reaper, hints: worker.hints, nextId: site.nextId, now: Date.now })
  const steps = async (id: string): Promise<StepView[]> => JSON.parse((await executions.steps(db, id, { start: 0, limit: undefined })).data) as StepView[]
  return {
    steps,
    worker,
    db,
    executions,
    reaper,
    async ended (started) {
      const { executionId: id } = await started
      await untilEnded(site, id)
      return { id, status: (await statusOf(site, id))!, steps: new Map((await steps(id)).map(step => [step.run === 0 ? step.nodeId : `${step.nodeId}:${step.run}`, step])) }
    }
  }
}

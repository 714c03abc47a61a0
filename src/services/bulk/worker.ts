import type { Logger } from 'pino'
import type { Database } from '../../db/client.ts'
import { claimBulkOperation, nameExecution, nextSources, recordFailure, recordProgress, type ClaimedOperation } from '../../db/queries/bulk-operations.ts'
import { answered } from '../../lib/deadline.ts'
import { Problem } from '../../lib/problem.ts'
import type { ExecutionService } from '../executions/index.ts'

/** Carries out bulk operations, page by page. Any number of processes may do so at once, and any of them may die. */
export interface BulkWorker {
  close (): Promise<void>
}

export interface BulkWorkerOptions {
  readonly database: Pick<Database, 'service' | 'tenant'>
  readonly executions: Pick<ExecutionService, 'retry' | 'replay'>
  readonly nextId: () => string
  readonly log: Logger
}

const INTERVAL = 1000
const PAGE = 50
/** seconds after which another goes on with what a process has left */
const LEASE = 30
/** seconds until an operation that met an overload goes on */
const PAUSE = 2
const STATUS_UNAVAILABLE = 503

export function startBulkWorker ({ database, executions, nextId, log }: BulkWorkerOptions): BulkWorker {
  const sql = database.service
  const stopping = new AbortController()
  const { signal } = stopping
  let working: Promise<void> | undefined

  async function work (): Promise<void> {
    while (!signal.aborted) {
      const operation = await answered(claimBulkOperation(sql, LEASE))
      if (operation === undefined) return
      await page(operation)
    }
  }

  async function page ({ id, organizationId, kind, filter, options, position }: ClaimedOperation): Promise<void> {
    const db = database.tenant(organizationId)
    const sources = await db.run(async tx => await nextSources(tx, organizationId, filter, position, id, PAGE))
    let last = position
    for (const source of sources) {
      if (signal.aborted) break
      const executionId = await answered(nameExecution(sql, id, organizationId, source, nextId()))
      try {
        if (kind === 'retry') await executions.retry(db, source, { ...options, executionId })
        else await executions.replay(db, source, options.version, executionId)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        if (error.status >= STATUS_UNAVAILABLE) {
          await answered(recordProgress(sql, id, last, { done: false, pause: PAUSE }))
          return
        }
        await answered(recordFailure(sql, id, source, error.code, error.errors?.[0]?.message ?? error.message))
      }
      last = source
    }
    await answered(recordProgress(sql, id, last, { done: last === (sources.at(-1) ?? position) && sources.length < PAGE, pause: 0 }))
  }

  function tick (): void {
    working = work().catch((error: unknown) => { log.warn({ err: error }, 'A bulk operation was interrupted; it goes on in a moment') }).finally(() => {
      if (!signal.aborted) timer = setTimeout(tick, INTERVAL)
    })
  }

  let timer = setTimeout(tick, 0)
  return {
    async close () {
      clearTimeout(timer)
      stopping.abort()
      await working
    }
  }
}

import type { Logger } from 'pino'
import type { Sql, TenantDb } from '../../db/client.ts'
import { deleteOpenCircuit, listOpenCircuits, saveOpenCircuit, type OpenCircuitRow } from '../../db/queries/open-circuits.ts'
import type { Destination } from './circuits.ts'

/** Told of what opens and closes, so that people see it whatever process does the calling. */
export interface CircuitBoard {
  opened (destination: Destination, state: { openedAt: number, retryAt: number, lastFailure: string }): void
  closed (destination: Destination): void
}

const LONGEST_FAILURE = 500

/** Writes behind the calls: the breaker does not wait for it, and works without it. */
export function createCircuitBoard ({ sql, nextId, log }: { readonly sql: Sql, readonly nextId: () => string, readonly log: Pick<Logger, 'warn'> }): CircuitBoard {
  // In order, since a destination may open and close faster than the database answers.
  let last: Promise<void> = Promise.resolve()
  const write = (work: () => Promise<void>): void => {
    last = last.then(work).catch((error: unknown) => { log.warn({ err: error }, 'Could not record the state of a circuit; the list of circuits is behind') })
  }
  return {
    opened: (destination, { lastFailure, ...times }) => { write(async () => { await saveOpenCircuit(sql, { id: nextId(), ...destination, ...times, lastFailure: lastFailure.slice(0, LONGEST_FAILURE) }) }) },
    closed: ({ organizationId, host }) => { write(async () => { await deleteOpenCircuit(sql, organizationId, host) }) }
  }
}

/** The destinations that are not called for now, or that the next call will try. */
export async function readCircuits (db: TenantDb, limit: number, before?: string): Promise<OpenCircuitRow[]> {
  return await db.run(async tx => await listOpenCircuits(tx, db.organizationId, limit, before))
}

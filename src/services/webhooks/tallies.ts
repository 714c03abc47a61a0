import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { addWebhookCounts } from '../../db/queries/webhook-counts.ts'

/** What has come in at an endpoint since it was written down last. */
export interface Tally {
  accepted: number
  duplicates: number
  refused: number
}

export interface TalliedEndpoint {
  readonly organizationId: string
  readonly workflowId: string
  readonly nodeId: string
  readonly method: string
}

export interface Tallies {
  /** The same object for the same endpoint, whichever of its versions is published. */
  of (endpoint: TalliedEndpoint): Tally
  /** Writes down what came in. */
  flush (): Promise<void>
  close (): Promise<void>
}

interface Entry extends Tally {
  readonly endpoint: TalliedEndpoint
}

/** milliseconds: what a process that dies may leave uncounted */
const INTERVAL = 5000
/** Endpoints that may be remembered between two writings. */
const MAX_ENTRIES = 100_000

/** Counts in memory, so that counting costs requests nothing, and adds up in the database. */
export function createTallies (sql: Sql, log: Logger): Tallies {
  const entries = new Map<string, Entry>()

  async function flush (): Promise<void> {
    const counted = [...entries.values()].filter(({ accepted, duplicates, refused }) => accepted + duplicates + refused > 0)
    if (counted.length === 0) return
    const rows = counted.map(({ endpoint, ...tally }) => ({ ...endpoint, ...tally }))
    for (const entry of counted) entry.accepted = entry.duplicates = entry.refused = 0
    try {
      await addWebhookCounts(sql, rows)
    } catch (error) {
      log.warn({ err: error }, 'Could not write down how many requests webhooks have got; it is tried again')
      counted.forEach((entry, index) => {
        entry.accepted += rows[index]!.accepted
        entry.duplicates += rows[index]!.duplicates
        entry.refused += rows[index]!.refused
      })
    }
  }

  const timer = setInterval(() => { void flush() }, INTERVAL)
  timer.unref()

  return {
    of (endpoint) {
      const key = `${endpoint.workflowId}:${endpoint.nodeId}:${endpoint.method}`
      let entry = entries.get(key)
      if (entry === undefined) {
        const { organizationId, workflowId, nodeId, method } = endpoint
        entry = { endpoint: { organizationId, workflowId, nodeId, method }, accepted: 0, duplicates: 0, refused: 0 }
        if (entries.size < MAX_ENTRIES) entries.set(key, entry)
      }
      return entry
    },
    flush,
    async close () {
      clearInterval(timer)
      await flush()
    }
  }
}

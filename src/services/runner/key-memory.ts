import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { NodeError } from '../../engine/node-error.ts'
import type { Sql } from '../../db/client.ts'
import { classifyFailure } from '../../db/failure.ts'
import { claimRememberedKeys, trimRememberedKeys, type Claims } from '../../db/queries/remembered-keys.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'

export interface KeyMemoryStore {
  /** Those of the keys that were free, and are the claimant's now. Throws NodeError where the database stays away. */
  claim (claims: Claims & { readonly keepAtMost: number }, keys: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>>
}

/** Keys in a statement: a few hundred kilobytes. */
const BATCH = 5000
/** Bytes of a hash that are stored. */
const HASH_LENGTH = 16
/** How often a statement is repeated while the database is away, and how long after the last time, milliseconds. */
const ATTEMPTS = 20
const PAUSE = 1000
/** A memory holds up to this part of its limit in excess, so that not every claim counts the keys. */
const SLACK = 0.1

/** What workflows remember from one execution to the next. */
export function createKeyMemory (sql: Sql, random: () => number = Math.random): KeyMemoryStore {
  async function patiently<T> (signal: AbortSignal, statement: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        return await withDeadline(QUERY_DEADLINE, statement())
      } catch (error) {
        // The statement knows its own rows again, so it may be repeated whatever became of it.
        if (classifyFailure(error) !== 'repeat') throw error
        if (attempt === ATTEMPTS) throw new NodeError('WC_MEMORY_AWAY', 'The database that remembers the keys did not answer', { retryable: true })
      }
      await sleep(PAUSE, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    async claim (claims, keys, signal) {
      const byHash = new Map(keys.map(key => [hashOf(key), key]))
      const hashes = [...byHash.keys()].sort()
      const free = new Set<string>()
      for (let start = 0; start < hashes.length; start += BATCH) {
        const batch = hashes.slice(start, start + BATCH)
        for (const hash of await patiently(signal, async () => await claimRememberedKeys(sql, claims, batch))) free.add(byHash.get(hash)!)
      }
      const { workflowId, name, keepAtMost } = claims
      if (random() * keepAtMost * SLACK < free.size) await patiently(signal, async () => { await trimRememberedKeys(sql, workflowId, name, keepAtMost) })
      return free
    }
  }
}

function hashOf (key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, HASH_LENGTH * 2)
}

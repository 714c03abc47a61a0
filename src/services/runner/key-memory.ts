import { createHash } from 'node:crypto'
import { NodeError } from '../../engine/node-error.ts'
import type { Sql } from '../../db/client.ts'
import { claimRememberedKeys, trimRememberedKeys, type Claims } from '../../db/queries/remembered-keys.ts'
import { patiently } from '../patiently.ts'

export interface KeyMemoryStore {
  /** Those of the keys that were free, and are the claimant's now. Throws NodeError where the database stays away. */
  claim (claims: Claims & { readonly keepAtMost: number }, keys: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>>
}

/** Keys in a statement: a few hundred kilobytes. */
const BATCH = 5000
/** Bytes of a hash that are stored. */
const HASH_LENGTH = 16
/** A memory holds up to this part of its limit in excess, so that not every claim counts the keys. */
const SLACK = 0.1

/** What workflows remember from one execution to the next. */
export function createKeyMemory (sql: Sql, random: () => number = Math.random): KeyMemoryStore {
  return {
    async claim (claims, keys, signal) {
      const byHash = new Map(keys.map(key => [hashOf(key), key]))
      const hashes = [...byHash.keys()].sort()
      const free = new Set<string>()
      for (let start = 0; start < hashes.length; start += BATCH) {
        const batch = hashes.slice(start, start + BATCH)
        for (const hash of await patiently(signal, async () => await claimRememberedKeys(sql, claims, batch), away)) free.add(byHash.get(hash)!)
      }
      const { workflowId, name, keepAtMost } = claims
      if (random() * keepAtMost * SLACK < free.size) await patiently(signal, async () => { await trimRememberedKeys(sql, workflowId, name, keepAtMost) }, away)
      return free
    }
  }
}

function away (): NodeError {
  return new NodeError('WC_MEMORY_AWAY', 'The database that remembers the keys did not answer', { retryable: true })
}

/** As keys are stored: in hexadecimal. */
export function hashOf (key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, HASH_LENGTH * 2)
}

import type { Sql } from '../../db/client.ts'
import { countByKey, findSealedWithOthers, replaceDataKeys, SEALED_TABLES, type SealedTable, type SealedWith } from '../../db/queries/sealed-rows.ts'
import { rewrap, SecretBoxError, type Keyring } from '../../lib/secret-box.ts'
import { partsOf } from './vault.ts'

export interface RotationOptions {
  readonly sql: Sql
  readonly keyring: Keyring
  /** Rows a statement. */
  readonly batch: number
  /** Told after each batch; `total` grows by what others seal with an earlier key meanwhile. */
  report (progress: { readonly done: number, readonly total: number }): void
}

export interface Rotation {
  readonly done: number
  readonly total: number
  /** Rows that no configured key opens. */
  readonly unreadable: number
}

const FIRST = '00000000-0000-0000-0000-000000000000'

/**
 * Wraps the data keys of all that is sealed with the current key, while the service runs. Every batch is one statement, and
 * what is left is what another key has wrapped: after an interruption it goes on from there.
 */
export async function rotateKeys ({ sql, keyring, batch, report }: RotationOptions): Promise<Rotation> {
  let done = 0
  let unreadable = 0
  let total = await countLeft(sql, keyring.current.id)
  for (const table of SEALED_TABLES) {
    for (let after = FIRST; ;) {
      const rows = await findSealedWithOthers(sql, table, keyring.current.id, after, batch)
      if (rows.length === 0) break
      const wrapped = await rewrapAll(keyring, table, rows)
      unreadable += rows.length - wrapped.length
      done += wrapped.length === 0 ? 0 : await replaceDataKeys(sql, table, keyring.current.id, wrapped)
      total = Math.max(total, done + unreadable)
      report({ done, total })
      after = rows.at(-1)!.credentialId
    }
  }
  // A process that does not know the new key yet seals with the old one behind our back.
  const left = await countLeft(sql, keyring.current.id) - unreadable
  if (left <= 0) return { done, total, unreadable }
  const rest = await rotateKeys({ sql, keyring, batch, report: progress => { report({ done: done + progress.done, total: Math.max(total, done + progress.total) }) } })
  return { done: done + rest.done, total: Math.max(total, done + rest.total), unreadable: rest.unreadable }
}

/** Which key has wrapped how much. */
export async function listKeys (sql: Sql, keyring: Keyring): Promise<Array<{ id: string, count: number, state: 'current' | 'previous' | 'missing' }>> {
  const counts = new Map<string, number>([...keyring.all.keys()].map(id => [id, 0]))
  for (const table of SEALED_TABLES) {
    for (const { keyId, count } of await countByKey(sql, table)) counts.set(keyId, (counts.get(keyId) ?? 0) + count)
  }
  return [...counts].map(([id, count]) => ({ id, count, state: id === keyring.current.id ? 'current' : keyring.all.has(id) ? 'previous' : 'missing' }))
}

async function countLeft (sql: Sql, keyId: string): Promise<number> {
  const counts = await Promise.all(SEALED_TABLES.map(async table => await countByKey(sql, table)))
  return counts.flat().filter(row => row.keyId !== keyId).reduce((sum, { count }) => sum + count, 0)
}

async function rewrapAll (keyring: Keyring, { field }: SealedTable, rows: readonly SealedWith[]): Promise<SealedWith[]> {
  const wrapped = await Promise.all(rows.map(async row => {
    try {
      return { ...row, ...await rewrap(keyring, row, partsOf(field, row)) }
    } catch (error) {
      if (error instanceof SecretBoxError && error.fault !== 'away') return undefined
      throw error
    }
  }))
  return wrapped.filter(row => row !== undefined)
}

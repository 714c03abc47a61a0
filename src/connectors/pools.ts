import { createHash } from 'node:crypto'
import type { Credential } from '../engine/credentials/index.ts'

export interface Closable {
  close (): Promise<void>
}

export interface Pools<T extends Closable> {
  /** Runs `work` with the pool of this credential, which is opened where there is none. */
  use<R> (credential: Credential, work: (pool: T) => Promise<R>): Promise<R>
  close (): Promise<void>
}

interface Entry<T> {
  readonly pool: Promise<T>
  users: number
  idle: NodeJS.Timeout | undefined
}

/** Milliseconds that a pool that nobody uses is kept. */
const IDLE = 60_000
/** Beyond them the one that was idle longest is closed. */
const MOST = 50

/** Keeps connections of each credential as long as they are used; a credential that changed gets connections of its own. */
export function createPools<T extends Closable> (open: (credential: Credential) => Promise<T>): Pools<T> {
  const entries = new Map<string, Entry<T>>()

  function drop (key: string): void {
    const entry = entries.get(key)
    if (entry === undefined) return
    entries.delete(key)
    clearTimeout(entry.idle)
    entry.pool.then(async pool => { await pool.close() }).catch(() => {})
  }

  function acquire (credential: Credential): { key: string, entry: Entry<T> } {
    const key = keyOf(credential)
    let entry = entries.get(key)
    if (entry === undefined) {
      if (entries.size >= MOST) dropIdle()
      entry = { pool: open(credential), users: 0, idle: undefined }
      entries.set(key, entry)
    }
    clearTimeout(entry.idle)
    entry.users++
    return { key, entry }
  }

  function dropIdle (): void {
    for (const [key, { users }] of entries) {
      if (users === 0) return drop(key)
    }
  }

  return {
    async use (credential, work) {
      const { key, entry } = acquire(credential)
      try {
        const pool = await entry.pool.catch((error: unknown) => {
          // What could not be opened is tried anew by the next one.
          if (entries.get(key) === entry) entries.delete(key)
          throw error
        })
        return await work(pool)
      } finally {
        if (--entry.users === 0 && entries.get(key) === entry) entry.idle = setTimeout(() => { drop(key) }, IDLE).unref()
      }
    },
    async close () {
      const open = [...entries.values()]
      entries.clear()
      await Promise.all(open.map(async ({ pool, idle }) => {
        clearTimeout(idle)
        await pool.then(async one => { await one.close() }).catch(() => {})
      }))
    }
  }
}

function keyOf ({ id, data }: Credential): string {
  return `${id} ${createHash('sha256').update(JSON.stringify(data)).digest('base64')}`
}

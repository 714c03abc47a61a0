import { setTimeout as sleep } from 'node:timers/promises'
import { classifyFailure } from '../db/failure.ts'
import { QUERY_DEADLINE, withDeadline } from '../lib/deadline.ts'

/** How often a statement is repeated while the database is away, and how long after the last time, milliseconds. */
const ATTEMPTS = 20
const PAUSE = 1000

/** For a statement that knows its own work again, so that it may be repeated whatever became of it; `away` is what is thrown where the database stays away. */
export async function patiently<T> (signal: AbortSignal, statement: () => Promise<T>, away: () => Error): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await withDeadline(QUERY_DEADLINE, statement())
    } catch (error) {
      if (classifyFailure(error) !== 'repeat') throw error
      if (attempt === ATTEMPTS) throw away()
    }
    await sleep(PAUSE, undefined, { signal }).catch(() => undefined)
  }
}

import { randomBytes } from 'node:crypto'
import { hash, verify, type Options } from '@node-rs/argon2'
import { Overloaded } from '../problems.ts'

export interface Passwords {
  hash (password: string): Promise<string>
  /** Without a hash it takes as long and says no: an unknown account must not answer sooner. */
  verify (hash: string | null | undefined, password: string): Promise<boolean>
}

// OWASP's minimum for argon2id; 2 is Algorithm.Argon2id, a const enum that type stripping cannot read.
const COST: Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const MAX_WAITING = 64
const RETRY_SECONDS = 2

/** At most `concurrency` hashes run at once, each 19 MiB and tens of milliseconds of CPU: logins must not starve the rest. */
export function createPasswords (concurrency = 2): Passwords {
  const waiting: Array<() => void> = []
  let running = 0

  async function bounded<T> (work: () => Promise<T>): Promise<T> {
    if (running >= concurrency) {
      if (waiting.length >= MAX_WAITING) throw Overloaded(RETRY_SECONDS)
      await new Promise<void>(resolve => { waiting.push(resolve) })
    } else {
      running++
    }
    try {
      return await work()
    } finally {
      // The place is handed over, not freed: whoever comes in between must not overtake.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }

  let absent: Promise<string> | undefined
  return {
    hash: async password => await bounded(async () => await hash(normalized(password), COST)),
    async verify (stored, password) {
      absent ??= hash(randomBytes(16).toString('hex'), COST)
      const against = stored ?? await absent
      const matches = await bounded(async () => await verify(against, normalized(password)))
      return matches && stored !== undefined && stored !== null
    }
  }
}

// The same password typed on another keyboard may be composed differently.
function normalized (password: string): string {
  return password.normalize('NFC')
}

import { Command, type Redis } from 'ioredis'

/*
 * A command of ioredis is given a closure as a property, which V8 allocates in the old generation: until the next full
 * collection the command counts as alive, with its arguments and its answer (see db/settle.ts). Those that carry the rows of
 * a batch let go of them.
 */

/** SET with an expiry. */
export async function setBuffer (client: Redis, key: string, value: Buffer, seconds: number): Promise<void> {
  const command = new Command('set', [key, value, 'EX', seconds])
  try {
    await client.sendCommand(command)
  } finally {
    command.args.length = 0
  }
}

/** GETDEL, handed to `use` while it lasts. */
export async function takeBuffer<T> (client: Redis, key: string, use: (value: Buffer | null) => T): Promise<T> {
  const command = new Command('getdel', [key], { replyEncoding: null })
  const taken: Taken = { value: null }
  command.resolve = taking(taken, command.resolve)
  await client.sendCommand(command)
  try {
    return use(taken.value)
  } finally {
    taken.value = null
  }
}

interface Taken {
  value: Buffer | null
}

/** The promise of the command gets nothing: it is as long-lived as the command. */
function taking (taken: Taken, resolve: (answer: unknown) => void): (answer: unknown) => void {
  return answer => {
    if (Buffer.isBuffer(answer)) taken.value = answer
    resolve(null)
  }
}

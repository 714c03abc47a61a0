import { Redis } from 'ioredis'
import type { Logger } from 'pino'

export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly database: number
  readonly tls: boolean
}

/** Redis was not asked, since it cannot be reached at present. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway'
  readonly code = 'WC_REDIS_AWAY'
}

/** An answer that takes longer than this is treated as none, milliseconds. */
const ANSWER_LIMIT = 1000
const CONNECT_LIMIT = 5000
const LONGEST_PAUSE = 1000
/** A connection that was cut without a word is noticed after this, milliseconds: longer than any blocking read. */
const SILENCE_LIMIT = 20_000
/** A fault that repeats is logged this often, milliseconds. */
const FAULT_PAUSE = 60_000

/** A connection for callers who would rather hear at once that Redis is away than wait for it. */
export interface RedisLink {
  readonly client: Redis
  /** Runs commands. Rejects within about a second where Redis is away; nothing is kept for later. */
  run<T> (commands: (client: Redis) => Promise<T>): Promise<T>
  close (): void
}

export function openLink (address: RedisAddress, outages: OutageLog): RedisLink {
  const client = new Redis({
    ...optionsFor(address),
    enableOfflineQueue: false,
    // What was in flight when the connection broke fails, instead of being sent again later.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Who subscribes does it anew himself: what was wanted while Redis was away is not known here.
    autoResubscribe: false,
    commandTimeout: ANSWER_LIMIT
  })
  outages.watch(client)
  let connecting: Promise<void> | undefined

  async function ready (): Promise<void> {
    if (client.status === 'ready') return
    if (client.status !== 'connecting' && client.status !== 'connect') throw new RedisAway('Redis cannot be reached')
    connecting ??= becomesReady(client).finally(() => { connecting = undefined })
    await connecting
  }

  return {
    client,
    async run (commands) {
      await ready()
      try {
        return await commands(client)
      } catch (error) {
        // A server that does not answer would let unsent batches pile up in the socket.
        if (isTimeout(error) && client.status === 'ready') client.disconnect(true)
        throw error
      }
    },
    close () { client.disconnect() }
  }
}

/** A connection that waits for Redis as long as it takes, for the workers. */
export function openPatient (address: RedisAddress, outages: OutageLog): Redis {
  const client = new Redis({ ...optionsFor(address), maxRetriesPerRequest: null, socketTimeout: SILENCE_LIMIT })
  outages.watch(client)
  return client
}

function optionsFor ({ host, port, username, password, database, tls }: RedisAddress) {
  return {
    host,
    port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectTimeout: CONNECT_LIMIT,
    retryStrategy: (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_PAUSE) + Math.floor(Math.random() * 100),
    // A primary that became a replica: ask anew where the primary is.
    reconnectOnError: (error: Error): boolean => error.message.startsWith('READONLY')
  }
}

async function becomesReady (client: Redis): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      clearTimeout(timer)
      client.off('ready', onReady)
      client.off('close', onClose)
      act()
    }
    const onReady = settle(resolve)
    const onClose = settle(() => { reject(new RedisAway('Redis cannot be reached')) })
    const timer = setTimeout(settle(() => { reject(new RedisAway('Redis did not answer in time')) }), ANSWER_LIMIT)
    client.once('ready', onReady)
    client.once('close', onClose)
  })
}

function isTimeout (error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}

/** Says once that Redis went away and once that it is back, however many connections notice. */
export class OutageLog {
  readonly #log: Logger
  readonly #consequence: string
  readonly #away = new Set<Redis>()
  readonly #faults = new Map<string, number>()
  #quiet = false

  /** The consequence tells the operator what does not work meanwhile. */
  constructor (log: Logger, consequence: string) {
    this.#log = log
    this.#consequence = consequence
  }

  watch (client: Redis): void {
    client.on('error', (error: unknown) => { this.#lost(client, error) })
    client.on('close', () => { this.#lost(client) })
    client.on('ready', () => {
      if (this.#away.delete(client) && this.#away.size === 0) this.#log.info('Redis answers again')
    })
  }

  /** What a library reports besides lost connections. */
  fault (error: Error): void {
    if (this.#quiet || this.#away.size > 0) return
    const kind = error.message.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '').slice(0, 100)
    const last = this.#faults.get(kind)
    if (last !== undefined && Date.now() - last < FAULT_PAUSE) return
    if (this.#faults.size >= 100) this.#faults.clear()
    this.#faults.set(kind, Date.now())
    this.#log.warn({ err: error }, 'The queue reports a fault. Work that is lost by it is found in the database and dispatched again.')
  }

  /** From here on connections are lost on purpose. */
  silence (): void {
    this.#quiet = true
  }

  #lost (client: Redis, error?: unknown): void {
    if (this.#quiet) return
    const first = this.#away.size === 0
    this.#away.add(client)
    if (!first) return
    this.#log.warn({ ...(error === undefined ? {} : { err: error }) }, `Redis cannot be reached; ${this.#consequence}. Check that it runs and that REDIS_URL is right; connecting goes on.`)
  }
}

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { groupBy } from '../lib/group-by.ts'
import type { ControlHint, HintBus, SegmentHint } from './hint-bus.ts'
import { decodeControl, decodeHints, encodeControl, encodeHints, type ControlMessage } from './hint-messages.ts'
import { Interests } from './interests.ts'
import { LocalHintBus } from './local-hint-bus.ts'
import { openLink, OutageLog, type RedisAddress } from './redis.ts'

export interface RedisHintBusOptions {
  readonly redis: RedisAddress
  /** Of all channels; they are shared by all databases of a Redis server. */
  readonly prefix: string
  readonly log: Logger
}

/** Who watches says so this often, and counts as watching three times as long, milliseconds. */
const REFRESH = 5000
const INTEREST_LIFETIME = 3 * REFRESH
/** Hints that Redis has not taken yet; beyond it they are dropped. Characters. */
const IN_FLIGHT_LIMIT = 8 * 1024 * 1024

export function createRedisHintBus (options: RedisHintBusOptions): HintBus {
  return new RedisHintBus(options)
}

/**
 * Hints between processes, over Redis pub/sub. A segment is published only where some process watches its
 * organization; this process's own watchers are served directly. While Redis is away, hints are dropped.
 */
class RedisHintBus implements HintBus {
  readonly #id = randomUUID()
  readonly #local = new LocalHintBus()
  readonly #interests = new Interests(INTEREST_LIFETIME)
  /** How many watch each organization here */
  readonly #watched = new Map<string, number>()
  readonly #outages
  readonly #publisher
  readonly #subscriber
  readonly #controlChannel: string
  readonly #hintChannel: string
  readonly #timer: NodeJS.Timeout
  #inFlight = 0

  constructor ({ redis, prefix, log }: RedisHintBusOptions) {
    this.#controlChannel = `${prefix}:control`
    this.#hintChannel = `${prefix}:hints:`
    this.#outages = new OutageLog(log, 'live views follow with a delay of about a second')
    this.#publisher = openLink(redis, this.#outages)
    this.#subscriber = openLink(redis, this.#outages)
    this.#publisher.client.on('ready', () => { this.#introduce() })
    this.#subscriber.client.on('ready', () => { void this.#resubscribe() })
    this.#subscriber.client.on('message', (channel: string, text: string) => { this.#receive(channel, text) })
    this.#timer = setInterval(() => { this.#refresh() }, REFRESH)
    this.#timer.unref()
  }

  publish (hints: readonly SegmentHint[]): void {
    this.#local.publish(hints)
    if (this.#interests.isEmpty) return
    for (const [organizationId, theirs] of groupBy(hints, hint => hint.organizationId)) {
      if (!this.#interests.has(organizationId)) continue
      for (const message of encodeHints(this.#id, theirs)) this.#send(this.#hintChannel + organizationId, message)
    }
  }

  watch (organizationId: string, listener: (hint: SegmentHint) => void): () => void {
    const unwatch = this.#local.watch(organizationId, listener)
    const watchers = this.#watched.get(organizationId) ?? 0
    this.#watched.set(organizationId, watchers + 1)
    if (watchers === 0) void this.#subscribe([organizationId])
    let watching = true
    return () => {
      if (!watching) return
      watching = false
      unwatch()
      this.#leave(organizationId)
    }
  }

  control (hint: ControlHint): void {
    this.#local.control(hint)
    // Accepted executions are many; only live views care.
    if (hint.type === 'accepted' && !this.#interests.has(hint.organizationId)) return
    this.#tell(hint)
  }

  onControl (listener: (hint: ControlHint) => void): () => void {
    return this.#local.onControl(listener)
  }

  async close (): Promise<void> {
    clearInterval(this.#timer)
    this.#outages.silence()
    this.#watched.clear()
    this.#publisher.close()
    this.#subscriber.close()
    await this.#local.close()
  }

  #leave (organizationId: string): void {
    const watchers = this.#watched.get(organizationId)
    if (watchers === undefined) return
    if (watchers > 1) {
      this.#watched.set(organizationId, watchers - 1)
      return
    }
    this.#watched.delete(organizationId)
    // Publishers find out when the interest expires.
    void this.#subscriber.run(async client => await client.unsubscribe(this.#hintChannel + organizationId)).catch(() => undefined)
  }

  /** Everything anew: a new connection has no subscriptions. */
  async #resubscribe (): Promise<void> {
    try {
      await this.#subscriber.run(async client => await client.subscribe(this.#controlChannel))
    } catch {
      // The connection is gone again, or does not answer and is opened anew: `ready` comes again.
      return
    }
    await this.#subscribe([...this.#watched.keys()])
    this.#introduce()
  }

  async #subscribe (organizationIds: readonly string[]): Promise<void> {
    if (organizationIds.length === 0) return
    try {
      await this.#subscriber.run(async client => await client.subscribe(...organizationIds.map(id => this.#hintChannel + id)))
    } catch {
      return
    }
    // After subscribing, so that what is published because of it arrives.
    this.#tell({ type: 'interest', organizations: organizationIds })
  }

  #introduce (): void {
    this.#tell({ type: 'ask' })
    this.#announce()
  }

  #announce (): void {
    if (this.#watched.size > 0) this.#tell({ type: 'interest', organizations: [...this.#watched.keys()] })
  }

  #refresh (): void {
    this.#interests.forgetExpired()
    this.#announce()
    // A subscriber hears nothing for hours and would not notice that it was cut off.
    void this.#subscriber.run(async client => await client.ping()).catch(() => undefined)
  }

  #tell (content: ControlMessage): void {
    this.#send(this.#controlChannel, encodeControl(this.#id, content))
  }

  #send (channel: string, message: string): void {
    if (this.#publisher.client.status !== 'ready' || this.#inFlight + message.length > IN_FLIGHT_LIMIT) return
    this.#inFlight += message.length
    void this.#publisher.run(async client => await client.publish(channel, message)).catch(() => undefined).finally(() => { this.#inFlight -= message.length })
  }

  #receive (channel: string, text: string): void {
    if (channel === this.#controlChannel) {
      const message = decodeControl(text)
      if (message !== undefined && message.from !== this.#id) this.#hear(message.content)
      return
    }
    const message = decodeHints(channel.slice(this.#hintChannel.length), text)
    if (message !== undefined && message.from !== this.#id) this.#local.publish(message.content)
  }

  #hear (message: ControlMessage): void {
    switch (message.type) {
      case 'interest': return this.#interests.note(message.organizations)
      case 'ask': return this.#announce()
      case 'mail':
      case 'due':
      case 'publication':
      case 'variables':
      case 'credential':
      case 'accepted': return this.#local.control(message)
      // A newer version may say more.
      default:
    }
  }
}

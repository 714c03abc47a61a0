import type { Logger } from 'pino'
import { Problem } from '../../lib/problem.ts'
import { NotFound, PermissionMissing } from '../problems.ts'
import { FloodGuard } from './flood-guard.ts'
import { parseFrame, type ClientFrame, type SubscribeFrame } from './frames.ts'
import type { TailHub } from './hub.ts'
import { Outbox } from './outbox.ts'
import { SubscriptionExists, TooManySubscriptions } from './problems.ts'
import type { Subscription, TailSink } from './sink.ts'

/** The socket as the protocol needs it; `ws` has this shape. */
export interface TailSocket {
  readonly bufferedAmount: number
  send (text: string): void
  close (code: number, reason: string): void
  terminate (): void
}

export interface TailConnection {
  receive (bytes: Uint8Array, binary: boolean): void
  /** A ping or a pong: nothing to answer here, but to be counted. */
  touched (): void
  closed (): void
}

export interface ConnectionOptions {
  readonly hub: TailHub
  readonly organizationId: string
  /** Those that the reader may follow; null: all of the organization. */
  readonly workflows: ReadonlySet<string> | null
  readonly socket: TailSocket
  readonly log: Pick<Logger, 'info' | 'error'>
}

export const MAX_SUBSCRIPTIONS = 100
const MAX_BAD_FRAMES = 3
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013
const INTERNAL_ERROR = 1011
/** One who floods us may ignore the closing handshake too, milliseconds. */
const GRACE = 1000

interface Entry {
  subscription: Subscription | undefined
}

/** The protocol of one connection: frames in, subscriptions, frames out. */
export function createTailConnection ({ hub, organizationId, workflows, socket, log }: ConnectionOptions): TailConnection {
  const entries = new Map<string, Entry>()
  const controls = new FloodGuard({ perSecond: 100, burst: 100 })
  const frames = new FloodGuard({ perSecond: 50, burst: 2 * MAX_SUBSCRIPTIONS })
  const outbox = new Outbox({ write: text => { socket.send(text) }, get buffered () { return socket.bufferedAmount } }, cutSlowReader)
  let badFrames = 0
  let over = false

  function end (): void {
    over = true
    outbox.close()
    for (const { subscription } of entries.values()) subscription?.close()
    entries.clear()
  }

  function refuseConnection (code: number, reason: string): void {
    if (over) return
    end()
    socket.close(code, reason)
    setTimeout(() => { socket.terminate() }, GRACE).unref()
  }

  function cutSlowReader (): void {
    hub.metrics.laggedTails.inc()
    log.info({ organizationId }, 'A tail was cut because its reader is too slow; it can go on from where it was told')
    for (const [id, { subscription }] of entries) socket.send(JSON.stringify({ type: 'lagged', id, missedFrom: subscription?.position ?? null }))
    end()
    socket.close(TRY_AGAIN_LATER, 'Too slow; subscribe again after missedFrom')
  }

  function complain (id: string | null, { code, message }: Problem): void {
    outbox.write(JSON.stringify({ type: 'error', id, code, detail: message }))
  }

  function receive (bytes: Uint8Array, binary: boolean): void {
    if (over) return
    if (!frames.allow()) return refuseConnection(POLICY_VIOLATION, 'Too many frames')
    let id: string | null = null
    try {
      const frame = parseFrame(binary ? new Uint8Array() : bytes, known => { id = known })
      handle(frame)
    } catch (error) {
      if (!(error instanceof Problem)) {
        log.error({ err: error }, 'A frame of a tail failed through a fault of WeConnect itself')
        return refuseConnection(INTERNAL_ERROR, 'Something went wrong here')
      }
      complain(id, error)
      if (error.code === 'WC_FRAME_INVALID' && ++badFrames === MAX_BAD_FRAMES) refuseConnection(POLICY_VIOLATION, 'Too many invalid frames')
    }
  }

  function handle (frame: ClientFrame): void {
    if (frame.type === 'subscribe') return subscribe(frame)
    const entry = entries.get(frame.id)
    if (entry === undefined) throw NotFound('subscription with this id')
    entries.delete(frame.id)
    entry.subscription?.close()
  }

  function subscribe (frame: SubscribeFrame): void {
    if (entries.has(frame.id)) throw SubscriptionExists()
    if (entries.size >= MAX_SUBSCRIPTIONS) throw TooManySubscriptions(MAX_SUBSCRIPTIONS)
    const entry: Entry = { subscription: undefined }
    // The sink is called later, never while it is being followed.
    entry.subscription = follow(frame, sinkOf(frame.id, entry))
    entries.set(frame.id, entry)
  }

  function follow (frame: SubscribeFrame, sink: TailSink): Subscription {
    const after = frame.after ?? null
    if ('executionId' in frame) return hub.followExecution({ organizationId, executionId: frame.executionId.toLowerCase(), after, workflows }, sink)
    const workflowId = 'workflowId' in frame ? frame.workflowId.toLowerCase() : null
    if (workflows !== null && workflowId === null) throw PermissionMissing('execution:read')
    if (workflowId !== null && workflows?.has(workflowId) === false) throw NotFound('workflow with this id')
    return hub.followScope({ organizationId, workflowId, cursor: after as string | null }, sink)
  }

  function sinkOf (id: string, entry: Entry): TailSink {
    const head = `{"type":"event","id":${JSON.stringify(id)},`
    const remove = (): void => { if (entries.get(id) === entry) entries.delete(id) }
    return {
      open () {
        const position = entry.subscription?.position
        // "From now on" has a place too, for who is cut off before the first event.
        outbox.write(JSON.stringify({ type: 'subscribed', id, ...(typeof position === 'string' ? { cursor: position } : {}) }))
      },
      event: event => { outbox.write(`${head}${event.members}}`) },
      end: remove,
      fail (problem) {
        remove()
        complain(id, problem)
      },
      get congested () { return outbox.congested },
      drained: async () => { await outbox.drained() }
    }
  }

  hub.metrics.tails.inc()
  return {
    receive,
    touched () { if (!over && !controls.allow()) refuseConnection(POLICY_VIOLATION, 'Too many pings') },
    closed () {
      end()
      hub.metrics.tails.dec()
    }
  }
}

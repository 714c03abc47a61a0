import { Readable } from 'node:stream'
import type { TailHub } from './hub.ts'
import { Outbox } from './outbox.ts'
import type { Subscription } from './sink.ts'

const HEARTBEAT_INTERVAL = 15_000
/** What a browser waits before it comes back, milliseconds. */
const RETRY = 2000

export interface StreamedExecution {
  readonly organizationId: string
  readonly executionId: string
  readonly after: number
}

/**
 * One execution as server-sent events (WHATWG HTML, section 9.2), to its last one. Resolves once there is something to send;
 * rejects with the Problem where there is not. Destroying the stream ends the subscription.
 */
export async function openEventStream (hub: TailHub, scope: StreamedExecution): Promise<Readable> {
  const stream = new Readable({ read () {} })
  let subscription: Subscription | undefined
  const outbox = new Outbox({
    write: text => { stream.push(text) },
    get buffered () { return stream.readableLength }
  }, () => {
    hub.metrics.laggedTails.inc()
    stream.push(`event: lagged\ndata: ${JSON.stringify({ missedFrom: subscription?.position ?? null })}\n\n`)
    stream.push(null)
  })
  const heartbeat = setInterval(() => { outbox.write(': alive\n\n') }, HEARTBEAT_INTERVAL).unref()
  hub.metrics.tails.inc()
  stream.once('close', () => {
    clearInterval(heartbeat)
    outbox.close()
    subscription?.close()
    hub.metrics.tails.dec()
  })

  await new Promise<void>((resolve, reject) => {
    subscription = hub.followExecution({ ...scope, after: scope.after === 0 ? null : scope.after }, {
      open () {
        outbox.write(`retry: ${RETRY}\n\n`)
        resolve()
      },
      event: event => { outbox.write(`id: ${event.seq}\nevent: ${event.event.type}\ndata: {${event.members}}\n\n`) },
      end: () => { stream.push(null) },
      fail: reject,
      get congested () { return outbox.congested },
      drained: async () => { await outbox.drained() }
    })
  }).catch((error: unknown) => {
    stream.destroy()
    throw error
  })
  return stream
}

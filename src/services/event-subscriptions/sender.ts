import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { claimDeliveries, disableSubscription, recordAttempt, type DueDelivery } from '../../db/queries/event-deliveries.ts'
import { answered } from '../../lib/deadline.ts'
import { groupBy } from '../../lib/group-by.ts'
import { by, SYSTEM } from '../audit.ts'
import type { Metrics } from '../metrics.ts'
import { sendDelivery, SEND_TIMEOUT, type SendDependencies } from './send-delivery.ts'

/** Sends what is in the outbox. Any number of processes may do so at once. */
export interface EventSender {
  start (): void
  /** There is something in the outbox. */
  nudge (): void
  /** What is on its way gets that long; then it is left to others. */
  close (graceMilliseconds: number): Promise<void>
}

export interface EventSenderOptions extends SendDependencies {
  readonly sql: Sql
  readonly metrics: Metrics
  readonly log: Logger
  readonly nextId: () => string
}

/** How often the outbox is looked at where nobody says that there is something. milliseconds */
const INTERVAL = 1000
const SOON = 20
const AT_ONCE = 50
const AT_ONCE_EACH = 5
/** seconds after which a delivery whose sender died is sent by another */
const LEASE = SEND_TIMEOUT / 1000 + 10

export function createEventSender ({ sql, metrics, log, nextId, ...deps }: EventSenderOptions): EventSender {
  const stopping = new AbortController()
  const active = new Map<Promise<void>, string>()
  let timer: NodeJS.Timeout | undefined
  let timerAt = Infinity
  let looking: Promise<void> | undefined
  let again = false
  let failing = false
  let closed = false

  async function look (): Promise<void> {
    const busy = [...groupBy(active.values(), id => id)].filter(([, { length }]) => length >= AT_ONCE_EACH).map(([id]) => id)
    const due = await answered(claimDeliveries(sql, { limit: AT_ONCE - active.size, each: AT_ONCE_EACH, busy, seconds: LEASE }))
    for (const delivery of due) {
      const sending = send(delivery).catch((error: unknown) => {
        if (!stopping.signal.aborted) log.warn({ err: error, deliveryId: delivery.id }, 'What became of a delivery could not be recorded; it is sent again')
      }).finally(() => {
        active.delete(sending)
        soon(SOON)
      })
      active.set(sending, delivery.subscriptionId)
    }
  }

  async function send (delivery: DueDelivery): Promise<void> {
    const outcome = await sendDelivery(deps, delivery, stopping.signal)
    metrics.eventDeliveries.inc({ outcome: outcome.status === 'pending' ? 'retried' : outcome.status })
    await answered(recordAttempt(sql, outcome))
    if (outcome.status !== 'failed') return
    const reason = outcome.gone ? 'The far side answered 410 Gone' : `Nothing got through for a day: ${outcome.error ?? ''}`
    const audit = { id: nextId(), organizationId: delivery.organizationId, ...by(SYSTEM), action: 'eventSubscription.disabled', targetType: 'eventSubscription', targetId: delivery.subscriptionId, after: { reason } }
    if (await answered(disableSubscription(sql, delivery.id, reason, outcome.gone, audit))) {
      log.warn({ subscriptionId: delivery.subscriptionId, reason }, 'A subscription to events was disabled')
    }
  }

  function soon (wait: number): void {
    if (closed) return
    if (looking !== undefined) {
      again = true
      return
    }
    // Not put off by whoever comes later.
    if (performance.now() + wait >= timerAt) return
    clearTimeout(timer)
    timerAt = performance.now() + wait
    timer = setTimeout(tick, wait)
  }

  function tick (): void {
    again = false
    timerAt = Infinity
    looking = (active.size < AT_ONCE ? look() : Promise.resolve()).then(() => { failing = false }, (error: unknown) => {
      if (!failing) log.warn({ err: error }, 'The outbox of events cannot be read; it is tried again each second')
      failing = true
    }).finally(() => {
      looking = undefined
      soon(again && !failing ? SOON : INTERVAL)
    })
  }

  return {
    start () { soon(0) },
    nudge () { soon(SOON) },
    async close (graceMilliseconds) {
      closed = true
      clearTimeout(timer)
      await looking
      const hard = setTimeout(() => { stopping.abort(new Error('The process ends')) }, graceMilliseconds)
      await Promise.all(active.keys())
      clearTimeout(hard)
    }
  }
}

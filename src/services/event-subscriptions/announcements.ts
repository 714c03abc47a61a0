import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { loadSubscribed } from '../../db/queries/event-subscriptions.ts'
import { answered } from '../../lib/deadline.ts'
import type { HintBus } from '../../queue/hint-bus.ts'

/** Which organizations may have subscriptions: asked at each end of an execution, so it costs no query. */
export interface Announcements {
  isSubscribed (organizationId: string): boolean
  close (): void
}

/** Where the hint of a new subscription is lost, its organization is known after that. milliseconds */
const INTERVAL = 2000

export async function createAnnouncements (sql: Sql, hints: HintBus, log: Logger): Promise<Announcements> {
  let subscribed = new Set(await answered(loadSubscribed(sql)))
  let since = new Set<string>()
  const stopListening = hints.onControl(hint => {
    if (hint.type !== 'subscription') return
    subscribed.add(hint.organizationId)
    since.add(hint.organizationId)
  })
  let reading = false
  const timer = setInterval(() => {
    if (reading) return
    reading = true
    since = new Set()
    answered(loadSubscribed(sql)).then(ids => { subscribed = new Set([...ids, ...since]) }, (error: unknown) => {
      log.debug({ err: error }, 'Which organizations have subscriptions could not be read; what was known before holds')
    }).finally(() => { reading = false })
  }, INTERVAL).unref()
  return {
    isSubscribed: organizationId => subscribed.has(organizationId),
    close () {
      clearInterval(timer)
      stopListening()
    }
  }
}

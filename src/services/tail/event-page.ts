import type { TenantDb } from '../../db/client.ts'
import { loadEventPage } from '../../db/queries/event-page.ts'
import { NotFound } from '../problems.ts'
import { instantText, publicEvent } from './public-event.ts'
import { queuedSegment, tailSegment } from './segment.ts'

export interface EventView {
  readonly executionId: string
  readonly seq: number
  readonly at: string
  readonly event: Record<string, unknown>
}

/** The events behind `after`, up to `limit`, and whether there are more now. Throws NotFound. */
export async function readEventPage (db: TenantDb, executionId: string, after: number, limit: number): Promise<{ events: EventView[], more: boolean }> {
  const page = await db.run(async tx => await loadEventPage(tx, db.organizationId, { executionId, after, limit }))
  if (page === undefined) throw NotFound('execution with this id')
  const segments = [
    queuedSegment({ ...page, executionId, xid: 0 }),
    ...page.segments.map(segment => tailSegment({ ...segment, executionId, xid: 0 }))
  ]
  const known = segments.filter(segment => segment.lastSeq > after).flatMap(segment => segment.events).filter(event => event.seq > after)
  const events = known.slice(0, limit)
  const last = events.at(-1)?.seq ?? after
  return {
    events: events.map(({ seq, at, event }) => ({ executionId, seq, at: instantText(at), event: publicEvent(event) })),
    more: page.lastSeq > last && events.length > 0
  }
}

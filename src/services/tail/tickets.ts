import { createHash, randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { deleteExpiredTickets, insertTicket, takeTicket, type TicketScope } from '../../db/queries/tail-tickets.ts'
import { instantText } from './public-event.ts'

export interface TailTickets {
  /** For a browser, which cannot send headers with a WebSocket: good for one connection, soon. Only its hash is kept. */
  issue (scope: TicketScope, userId: string | null): Promise<{ ticket: string, expiresAt: string }>
  /** Uses it up. Undefined for whatever is not a live ticket. */
  take (ticket: string): Promise<TicketScope | undefined>
  close (): void
}

const LIFETIME_SECONDS = 60
const PURGE_INTERVAL = 60_000
const SECRET_BYTES = 32
const TICKET = /^wct_[A-Za-z0-9_-]{43}$/

export function createTailTickets ({ sql, log }: { sql: Sql, log: Logger }): TailTickets {
  const purge = setInterval(() => {
    deleteExpiredTickets(sql).catch((error: unknown) => { log.warn({ err: error }, 'Expired tickets of tails could not be deleted; it is tried again each minute') })
  }, PURGE_INTERVAL).unref()

  return {
    async issue ({ organizationId, workflowIds }, userId) {
      const ticket = `wct_${randomBytes(SECRET_BYTES).toString('base64url')}`
      const expiresAt = await insertTicket(sql, organizationId, { hash: hashOf(ticket), userId, workflowIds, seconds: LIFETIME_SECONDS })
      return { ticket, expiresAt: instantText(expiresAt) }
    },
    take: async ticket => TICKET.test(ticket) ? await takeTicket(sql, hashOf(ticket)) : undefined,
    close: () => { clearInterval(purge) }
  }
}

function hashOf (ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest()
}

import { createHash, randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { deleteExpiredTickets, insertTicket, takeTicket, type TicketScope } from '../../db/queries/tail-tickets.ts'
import { instantText } from './public-event.ts'

/** Whose ticket it is: what it opens ends with that. */
export type TicketHolder = { readonly type: 'session', readonly sessionId: string, readonly userId: string } | { readonly type: 'apiKey', readonly keyId: string }

export interface TakenTicket extends TicketScope {
  readonly holder: TicketHolder
}

export interface TailTickets {
  /** For a browser, which cannot send headers with a WebSocket: good for one connection, soon. Only its hash is kept. */
  issue (scope: TicketScope, holder: TicketHolder): Promise<{ ticket: string, expiresAt: string }>
  /** Uses it up. Undefined for whatever is not a live ticket. */
  take (ticket: string): Promise<TakenTicket | undefined>
  close (): void
}

const LIFETIME_SECONDS = 60
const PURGE_INTERVAL = 60_000
const SECRET_BYTES = 32
/** A secret, then whose it is. The hash is one of the whole, so nobody can put another holder behind the secret. */
const TICKET = /^wct_[A-Za-z0-9_-]{43}\.([sk])([0-9a-f-]{36})$/

export function createTailTickets ({ sql, log }: { sql: Sql, log: Logger }): TailTickets {
  const purge = setInterval(() => {
    deleteExpiredTickets(sql).catch((error: unknown) => { log.warn({ err: error }, 'Expired tickets of tails could not be deleted; it is tried again each minute') })
  }, PURGE_INTERVAL).unref()

  return {
    async issue ({ organizationId, workflowIds }, holder) {
      const [userId, named] = holder.type === 'session' ? [holder.userId, `s${holder.sessionId}`] : [null, `k${holder.keyId}`]
      const ticket = `wct_${randomBytes(SECRET_BYTES).toString('base64url')}.${named}`
      const expiresAt = await insertTicket(sql, organizationId, { hash: hashOf(ticket), userId, workflowIds, seconds: LIFETIME_SECONDS })
      return { ticket, expiresAt: instantText(expiresAt) }
    },
    async take (ticket) {
      const [, kind, id] = TICKET.exec(ticket) ?? []
      const taken = id === undefined ? undefined : await takeTicket(sql, hashOf(ticket))
      if (taken === undefined || id === undefined) return undefined
      const { userId, ...scope } = taken
      if (kind === 'k') return { ...scope, holder: { type: 'apiKey', keyId: id } }
      return userId === null ? undefined : { ...scope, holder: { type: 'session', sessionId: id, userId } }
    },
    close: () => { clearInterval(purge) }
  }
}

function hashOf (ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest()
}

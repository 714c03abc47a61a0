import { createIdentity, type Identity } from '../services/identity/identity.ts'
import type { Mailer } from '../services/identity/mailer.ts'
import type { OwnedCache } from '../lib/owned-cache.ts'
import type { LiveSession } from '../services/identity/sessions.ts'
import type { RuntimeParts } from './parts.ts'

/** Who may do what, with the operator's mail server where there is one. */
export async function openIdentity ({ config, database, outside, now, nextId, log }: Pick<RuntimeParts, 'config' | 'database' | 'outside' | 'now' | 'nextId' | 'log'>, liveSessions: OwnedCache<LiveSession>, address: string): Promise<Identity> {
  // Loaded only where it is used.
  const mailer = config.mail === null ? null : (await import('../connectors/operator-mail.ts')).createOperatorMailer(config.mail)
  const fallbackMailer: Mailer = {
    async send ({ to, text }) {
      // Only the owner of the machine reads the log of the embedded default; elsewhere logs are collected, and must open nothing.
      if (config.database === null) log.warn(`There is no mail server (WECONNECT_SMTP_URL), so this mail to ${to} ends here:\n${text}`)
      else log.warn('Somebody asked to reset a password, and there is no mail server to send the token with. Set WECONNECT_SMTP_URL and WECONNECT_MAIL_FROM.')
    }
  }
  return createIdentity({
    db: database.identity,
    keyring: outside.keyring,
    service: database.service,
    clock: now,
    nextId,
    liveSessions,
    refreshLifetime: config.auth.refreshLifetime,
    mailer,
    fallbackMailer,
    address,
    fetch: outside.fetch,
    returnOrigins: config.server.corsOrigins,
    onDeleted: (organizationId, { actor, ip, requestId }) => { log.warn({ organizationId, actor, ip, requestId }, 'An organization was deleted with everything in it, its audit log too') },
    onBackgroundError: error => { log.warn({ err: error }, 'Something beside a request failed. If it was mail, look at WECONNECT_SMTP_URL; everything else is tried again.') }
  })
}

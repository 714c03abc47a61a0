import { createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** Standard Webhooks: `whsec_` and the base64 of random bytes. */
export function newSecret (): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64')
}

/**
 * The headers of a request as Standard Webhooks has them (its specification, "Signature scheme"): signed with each of the
 * secrets, so that whoever still knows an old one believes it too.
 * @param at seconds since the epoch
 */
export function signatureHeaders (id: string, at: number, body: string, secrets: readonly string[]): Record<string, string> {
  const sign = (secret: string): string =>
    'v1,' + createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64')).update(`${id}.${at}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': secrets.map(sign).join(' ') }
}

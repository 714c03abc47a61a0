import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { credentialParameter } from '../credentials/references.ts'
import { oneOf, STATIC } from '../schemas.ts'

/** How a sender makes sure that an address is meant to get what it sends, before it sends anything. */
export const Handshake = Type.Object({
  preset: oneOf(['slack', 'meta', 'microsoft', 'x'], { title: 'Sender', description: 'slack: url_verification (also without this, where verify has its preset); meta: hub.challenge; microsoft: validationToken; x: crc_token.' }),
  credentialId: Type.Optional(Type.String({ title: 'Secret', description: 'meta: the verify token, x: the consumer secret; else the credential of verify.', ...credentialParameter(['webhookSecret']) }))
}, { additionalProperties: false, title: 'Handshake', description: 'Answers a sender that asks whether the address is meant for it. It starts nothing.', ...STATIC })

export type Handshake = Static<typeof Handshake>

/** Whether it is answered with a secret. */
export function handshakeNeedsSecret ({ preset }: Readonly<Record<string, unknown>>): boolean {
  return preset === 'meta' || preset === 'x'
}

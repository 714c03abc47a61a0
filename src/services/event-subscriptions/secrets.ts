import type { SealedSecret } from '../../lib/secret-box.ts'
import type { Vault } from '../credentials/vault.ts'

export interface SubscriptionSecrets {
  readonly current: string
  /** Honoured until then, milliseconds since the epoch. */
  readonly previous?: { readonly secret: string, readonly until: number }
}

export interface SubscriptionPlace {
  readonly organizationId: string
  readonly subscriptionId: string
  readonly version: number
}

export async function sealSecrets (vault: Vault, { subscriptionId, ...place }: SubscriptionPlace, secrets: SubscriptionSecrets): Promise<SealedSecret> {
  return await vault.seal({ ...place, credentialId: subscriptionId }, { data: { ...secrets }, allowedHosts: null })
}

/** Throws SecretBoxError. */
export async function openSecrets (vault: Vault, { subscriptionId, ...place }: SubscriptionPlace, { keyId, dataKey, secret }: SealedSecret): Promise<SubscriptionSecrets> {
  const sealed = { type: 'eventSubscription', version: place.version, keyId, dataKey, secret }
  return (await vault.open({ ...place, credentialId: subscriptionId }, sealed)).data as unknown as SubscriptionSecrets
}

/** What signs now, the newest first. */
export function validSecrets ({ current, previous }: SubscriptionSecrets, now: number): string[] {
  return previous !== undefined && previous.until > now ? [current, previous.secret] : [current]
}

import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { Test } from 'tap'
import { createKeyring, localKey } from '../../src/lib/secret-box.ts'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { SYSTEM } from '../../src/services/audit.ts'
import type { NewCredential } from '../../src/services/credentials/check.ts'
import { createCredentials } from '../../src/services/credentials/index.ts'
import { createSecretResolver } from '../../src/services/credentials/resolve-secrets.ts'
import { createCredentialSource, type CredentialSource } from '../../src/services/credentials/source.ts'
import { createVault } from '../../src/services/credentials/vault.ts'
import type { Site } from './durable-path.ts'

export interface KeptCredentials {
  /** As steps open them. */
  readonly source: CredentialSource
  /** As `POST /v1/credentials` does, for the site's organization. */
  create (input: NewCredential): Promise<string>
}

const refuse = async (): Promise<never> => { throw new Error('This test has no network and no tokens') }

/** Credentials of a site, checked and sealed in its database. */
export function keptCredentials (t: Test, { database, sql, nextId, organizationId }: Site): KeptCredentials {
  const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' })
  const vault = createVault(createKeyring(localKey(randomBytes(32))))
  const secrets = createSecretResolver(null, { now: Date.now, log })
  const tokens = { get: refuse, prove: refuse }
  const service = createCredentials({ vault, secrets, nextId, fetch: refuse, attempts: new Map(), tokens, onChanged () {} })
  const source = createCredentialSource({ sql, vault, secrets, tokens, hints: new LocalHintBus(), now: Date.now, log })
  t.teardown(() => { source.close() })
  return {
    source,
    create: async input => (await service.create({ db: database.tenant(organizationId), origin: SYSTEM }, input)).value.id
  }
}

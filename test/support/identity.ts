import { createKeyring, localKey } from '../../src/lib/secret-box.ts'
import { createLocalOwnedCache } from '../../src/lib/owned-cache.ts'
import type { Database } from '../../src/db/client.ts'
import { createIdentity, type Identity, type IdentityDependencies } from '../../src/services/identity/identity.ts'

export const TEST_KEY = Buffer.from('kQ7z1mXv9Lr3Tc5Wn8Yb2Hd6Jf4Pg0Sa')
export const testKeyring = createKeyring(localKey(TEST_KEY))

/** Identity without a mail server; what has to be given is the database, the clock and the source of ids. */
export function testIdentity (database: Database, options: Pick<IdentityDependencies, 'clock' | 'nextId'> & Partial<IdentityDependencies>): Identity {
  return createIdentity({
    db: database.identity,
    keyring: testKeyring,
    service: database.service,
    liveSessions: createLocalOwnedCache(options.clock),
    refreshLifetime: 30 * 86_400_000,
    mailer: null,
    fallbackMailer: { async send () {} },
    address: 'http://localhost:3000',
    fetch: async () => { throw new Error('nothing goes out here') },
    returnOrigins: [],
    onDeleted: () => {},
    onBackgroundError: error => { throw error },
    ...options
  })
}

import type { Config } from '../config.ts'
import { createGuardedFetch } from '../lib/guarded-fetch/index.ts'
import { createKeyring, localKey, type Keyring } from '../lib/secret-box.ts'
import { createTransitKey } from '../lib/transit-key.ts'
import type { Secrets } from '../secrets.ts'

/** The keys that seal and open: that of the key service first, where there is one; then those of this machine. */
export function openKeyring ({ keyVault }: Pick<Config, 'keyVault'>, { encryptionKey, previousKeys }: Pick<Secrets, 'encryptionKey' | 'previousKeys'>): Keyring {
  const [current, ...previous] = [localKey(encryptionKey), ...previousKeys.map(localKey)]
  if (keyVault === null) return createKeyring(current!, ...previous)
  // The operator's own address, wherever it is: nobody else chooses it.
  const { fetch } = createGuardedFetch({ allow: ['0.0.0.0/0', '::/0'], userAgent: 'WeConnect' })
  return createKeyring(createTransitKey(keyVault, fetch), current!, ...previous)
}

import { isWebAddress } from './addresses.ts'
import type { ConfigFault } from './read-environment.ts'
import type { Environment } from './variables.ts'

/** Who wraps the keys of what is sealed. */
export interface KeyVault {
  /** Without a slash at the end. */
  readonly address: string
  readonly token: string
  readonly mount: string
  readonly key: string
}

/** Where values of credentials are. One of `token` and `tokenFile` is set. */
export interface SecretVault {
  /** Without a slash at the end. */
  readonly address: string
  readonly token: string | null
  readonly tokenFile: string | null
  readonly namespace: string | undefined
  readonly mount: string
  readonly prefix: string
}

const ADDRESSES = ['WECONNECT_VAULT_ADDRESS', 'WECONNECT_SECRETS_VAULT_ADDRESS'] as const

export function vaultFaults (env: Environment): ConfigFault[] {
  const faults: ConfigFault[] = ADDRESSES
    .filter(variable => env[variable] !== undefined && !isWebAddress(env[variable]))
    .map(variable => ({ variable, problem: 'is not an http or https address', fix: 'set it to an address such as https://vault.example.org:8200' }))
  if (env.WECONNECT_VAULT_ADDRESS !== undefined && env.WECONNECT_VAULT_TOKEN === undefined) {
    faults.push({ variable: 'WECONNECT_VAULT_TOKEN', problem: 'is not set, while the address is', fix: 'set it to a token of that Vault' })
  }
  if (env.WECONNECT_SECRETS_VAULT_ADDRESS !== undefined && (env.WECONNECT_SECRETS_VAULT_TOKEN === undefined) === (env.WECONNECT_SECRETS_VAULT_TOKEN_FILE === undefined)) {
    faults.push({ variable: 'WECONNECT_SECRETS_VAULT_TOKEN', problem: 'and WECONNECT_SECRETS_VAULT_TOKEN_FILE are both set, or neither is, while the address is', fix: 'set one of them' })
  }
  return faults
}

/** Of an environment without `vaultFaults`. */
export function keyVault (env: Environment): KeyVault | null {
  if (env.WECONNECT_VAULT_ADDRESS === undefined) return null
  return { address: withoutSlash(env.WECONNECT_VAULT_ADDRESS), token: env.WECONNECT_VAULT_TOKEN ?? '', mount: env.WECONNECT_VAULT_MOUNT, key: env.WECONNECT_VAULT_KEY }
}

/** Of an environment without `vaultFaults`. */
export function secretVault (env: Environment): SecretVault | null {
  if (env.WECONNECT_SECRETS_VAULT_ADDRESS === undefined) return null
  return {
    address: withoutSlash(env.WECONNECT_SECRETS_VAULT_ADDRESS),
    token: env.WECONNECT_SECRETS_VAULT_TOKEN ?? null,
    tokenFile: env.WECONNECT_SECRETS_VAULT_TOKEN_FILE ?? null,
    namespace: env.WECONNECT_SECRETS_VAULT_NAMESPACE,
    mount: env.WECONNECT_SECRETS_VAULT_MOUNT,
    prefix: env.WECONNECT_SECRETS_VAULT_PATH
  }
}

function withoutSlash (address: string): string {
  return address.replace(/\/+$/, '')
}

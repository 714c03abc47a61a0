import { createPrivateKey, X509Certificate } from 'node:crypto'
import { secretsOf, type Credential, type CredentialType } from '../../engine/credentials/index.ts'
import { createMask } from '../../engine/credentials/mask.ts'
import { NodeError } from '../../engine/node-error.ts'
import type { Limits } from '../../engine/nodes/connect.ts'
import { authorizedFetch } from '../../engine/nodes/http-authorization.ts'
import { FetchError, type Fetch } from '../../lib/guarded-fetch/index.ts'
import type { CredentialKey, TokenSource } from '../oauth2/tokens.ts'

/** What came of trying a credential. `tested` is false where its type names no place to try it at. */
export interface Attempt {
  readonly ok: boolean
  readonly tested: boolean
  readonly code: string | null
  readonly detail: string
}

/** Tries a credential where it belongs; throws where it is refused. */
export type Attempting = (credential: Credential, limits: Limits) => Promise<void>

const LIMIT = 15_000
const RESPONSE_SIZE = 1_048_576

export interface Attempted {
  readonly type: CredentialType
  readonly key: CredentialKey
  /** As it is stored. */
  readonly credential: Credential
  /** Names of its properties that came from a secret store. */
  readonly resolved: readonly string[]
}

export interface AttemptDependencies {
  readonly fetch: Fetch
  /** How to try the types that belong to a protocol of their own. */
  readonly attempts: ReadonlyMap<string, Attempting>
  readonly tokens: Pick<TokenSource, 'prove' | 'get'>
}

export async function attempt (attempted: Attempted, { fetch, attempts, tokens }: AttemptDependencies): Promise<Attempt> {
  const { type, credential, resolved } = attempted
  const secrets = new Set(secretsOf(type, credential.data, resolved))
  try {
    const tested = credential.type === 'oauth2'
      ? await tryToken(attempted, fetch, tokens, secrets)
      : await tryStored(credential, attempts.get(type.type), fetch)
    return tested ? { ok: true, tested, code: null, detail: 'It was accepted.' } : { ok: true, tested, code: null, detail: 'It can be opened. Where to try it is not known; some types take a test address.' }
  } catch (error) {
    return createMask(secrets)(failure(error))
  }
}

/** @returns whether there was a place to try it at */
async function tryStored (credential: Credential, service: Attempting | undefined, fetch: Fetch): Promise<boolean> {
  if (service !== undefined) await service(credential, { timeout: LIMIT, signal: AbortSignal.timeout(2 * LIMIT) })
  else if (typeof credential.data['testUrl'] === 'string') await tryAt(credential.data['testUrl'], credential, fetch)
  else if (credential.type === 'aws') await tryAws(credential, fetch)
  else if (credential.type === 'clientCertificate') tryCertificate(credential.data)
  else return false
  return true
}

async function tryToken ({ key, credential }: Attempted, fetch: Fetch, tokens: AttemptDependencies['tokens'], secrets: Set<string>): Promise<boolean> {
  const { testUrl } = credential.data
  const { value, version, proven } = await tokens.prove(key, credential)
  const bearer = (token: string): Credential => {
    secrets.add(token)
    return { ...credential, data: { accessToken: token } }
  }
  if (typeof testUrl !== 'string') return proven
  await tryAt(testUrl, { ...bearer(value), ...(!proven && { renew: async () => bearer((await tokens.get(key, credential, version)).value) }) }, fetch)
  return true
}

/** Who it belongs to, which every key may ask; at a store of others, whether it knows the key: it may list nothing with it. */
async function tryAws (credential: Credential, fetch: Fetch): Promise<void> {
  const { endpoint, region = 'us-east-1' } = credential.data
  const url = typeof endpoint === 'string' ? endpoint : `https://sts.${String(region)}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15`
  await tryAt(url, credential, fetch, typeof endpoint === 'string' ? 's3' : 'sts')
}

/** No server is named, but the two halves must belong together. */
function tryCertificate ({ certificate, key, passphrase }: Credential['data']): void {
  let fits: boolean
  try {
    fits = new X509Certificate(String(certificate)).checkPrivateKey(createPrivateKey({ key: String(key), ...(typeof passphrase === 'string' && { passphrase }) }))
  } catch {
    // What OpenSSL says may show parts of the key.
    throw new NodeError('WC_CERTIFICATE', 'The certificate or its key cannot be read, or the passphrase is wrong')
  }
  if (!fits) throw new NodeError('WC_CERTIFICATE', 'The key is not that of the certificate')
}

async function tryAt (url: string, credential: Credential, fetch: Fetch, service?: string): Promise<void> {
  const request = { method: 'GET', url, timeout: LIMIT, maxResponseSize: RESPONSE_SIZE, followRedirects: 0, signal: AbortSignal.timeout(2 * LIMIT) }
  const { status } = await authorizedFetch(fetch, credential)(request, { now: Date.now(), service })
  if (status < 200 || status > 299) throw new NodeError('WC_HTTP_STATUS', `${new URL(url).host} answered ${status}`)
}

/** What a client is told of an attempt that failed. Throws what is not of the far side. */
export function failure (error: unknown): Attempt {
  if (error instanceof NodeError || error instanceof FetchError) return { ok: false, tested: true, code: error.code, detail: error.message }
  if (error instanceof DOMException && error.name === 'TimeoutError') return { ok: false, tested: true, code: 'WC_TIMEOUT', detail: `No answer within ${LIMIT} ms` }
  throw error
}

import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import type { VerifyParameters } from '../../../engine/nodes/webhook-verify.ts'
import type { Fetch } from '../../../lib/guarded-fetch/index.ts'
import { Unavailable } from '../../problems.ts'
import { headerOf, UnusableSecret, type Refusal, type Verifier } from './signed-request.ts'
import { behind } from './tokens.ts'

const SYMMETRIC = ['HS256', 'HS384', 'HS512']
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const CURVES: Readonly<Record<string, readonly string[]>> = { prime256v1: ['ES256'], secp384r1: ['ES384'], secp521r1: ['ES512'] }
const EDWARDS = ['EdDSA', 'Ed25519']
const ASYMMETRIC = [...RSA, ...Object.values(CURVES).flat(), ...EDWARDS]
/** RFC 7518 section 3.3 */
const SHORTEST_RSA = 2048
const MAX_KEY_SET = 256 * 1024
const FETCH_TIMEOUT = 5000

interface Key {
  readonly key: KeyObject | JWTVerifyGetKey
  /** What it may have signed with: a public key is never taken for a shared secret. */
  readonly algorithms: readonly string[]
}

/** RFC 7519: a token that is signed, has not expired, and is meant for this endpoint. The library is loaded by the first one that is used. */
export function jwtVerifier (parameters: VerifyParameters, secrets: readonly string[], fetch: Fetch, tolerance: number): Verifier {
  const { header, jwksUrl, issuer, audience, algorithms } = parameters
  const local = secrets.flatMap(keyOf)
  if (jwksUrl === undefined && local.length === 0) throw new UnusableSecret('holds no shared secret and no public key (PEM; RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519) to verify tokens with')
  let loading: Promise<{ jose: typeof import('jose'), keys: readonly Key[] }> | undefined
  const load = async () => {
    const jose = await import('jose')
    return { jose, keys: jwksUrl === undefined ? local : [...local, { key: remoteKeys(jose, jwksUrl, fetch), algorithms: ASYMMETRIC }] }
  }
  const options: JWTVerifyOptions = {
    clockTolerance: tolerance / 1000, requiredClaims: ['exp'], ...(issuer === undefined ? {} : { issuer }), ...(audience === undefined ? {} : { audience })
  }
  return async (request, now) => {
    const token = header === undefined ? behind(headerOf(request, 'authorization'), 'Bearer ') : headerOf(request, header.toLowerCase())
    if (token === undefined) return 'missing'
    loading ??= load()
    const { jose, keys } = await loading
    let refusal: Refusal = 'invalid'
    for (const { key, algorithms: able } of keys) {
      const allowed = algorithms === undefined ? able : able.filter(algorithm => algorithms.some(one => one === algorithm))
      const verdict = await check(jose, token, key, { ...options, algorithms: [...allowed], currentDate: new Date(now) })
      if (verdict === undefined) return undefined
      if (verdict === 'late') refusal = 'late'
    }
    return refusal
  }
}

async function check (jose: typeof import('jose'), token: string, key: Key['key'], options: JWTVerifyOptions): Promise<Refusal | undefined> {
  try {
    await (typeof key === 'function' ? jose.jwtVerify(token, key, options) : jose.jwtVerify(token, key, options))
    return undefined
  } catch (error) {
    const { errors } = jose
    if (error instanceof errors.JWTExpired) return 'late'
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      for await (const one of error) if (await check(jose, token, one as never, options) === undefined) return undefined
      return 'invalid'
    }
    if (!(error instanceof errors.JOSEError) || error.code === 'ERR_JOSE_GENERIC' || error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) throw Unavailable('server of the keys', error)
    return 'invalid'
  }
}

function remoteKeys (jose: typeof import('jose'), url: string, fetch: Fetch): JWTVerifyGetKey {
  return jose.createRemoteJWKSet(new URL(url), {
    async [jose.customFetch] (url, { signal }) {
      const { status, body } = await fetch({ method: 'GET', url, headers: { accept: 'application/json' }, timeout: FETCH_TIMEOUT, maxResponseSize: MAX_KEY_SET, followRedirects: 0, signal })
      return new Response(Buffer.from(body), { status })
    }
  })
}

function keyOf (secret: string): Key[] {
  if (secret.trim() === '') return []
  if (!secret.includes('-----BEGIN ')) return [{ key: createSecretKey(Buffer.from(secret)), algorithms: SYMMETRIC }]
  try {
    const key = createPublicKey(secret)
    const algorithms = algorithmsOf(key)
    return algorithms.length === 0 ? [] : [{ key, algorithms }]
  } catch {
    return []
  }
}

/** What the key can have signed with: a token of another algorithm is a bad one, whatever its header says. */
function algorithmsOf ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  switch (asymmetricKeyType) {
    case 'rsa': return (asymmetricKeyDetails?.modulusLength ?? 0) >= SHORTEST_RSA ? RSA : []
    case 'ec': return CURVES[asymmetricKeyDetails?.namedCurve ?? ''] ?? []
    case 'ed25519': return EDWARDS
    default: return []
  }
}

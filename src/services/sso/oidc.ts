import type { ClientAuth, Configuration, CustomFetch } from 'openid-client'
import { addressProblem } from '../../engine/credentials/server-address.ts'
import type { Claims } from '../../db/queries/sso-sign-in.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import { FetchError, type Fetch } from '../../lib/guarded-fetch/index.ts'
import type { Clock } from '../../lib/ids.ts'
import { basicAuthentication } from '../oauth2/client.ts'
import { ProviderAway, SignInDenied, SignInRefused } from './problems.ts'

/** A client at an issuer. */
export interface OidcClient {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

/** What one sign-in is told from all others by. */
export interface SignInSecrets {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Why an issuer is none that people can sign in by. */
export class IssuerError extends Error {
  /** `away`: it cannot be reached; `unfit`: it does not answer as the standard says, or lacks something. */
  readonly fault: 'away' | 'unfit'

  constructor (fault: 'away' | 'unfit', message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'IssuerError'
    this.fault = fault
  }
}

/** OpenID Connect, with code and PKCE; all requests go through the guard of what goes out, and redirects are not followed. */
export interface Oidc {
  /** Reads what an issuer says of itself. Throws IssuerError. */
  examine (client: OidcClient): Promise<void>
  /** Where to send a browser. Throws the problems of this directory, as the next. */
  authorizationUrl (key: string, client: OidcClient, secrets: SignInSecrets, redirectUri: string, scopes: readonly string[]): Promise<string>
  /** Checks what a browser came back with, trades the code, and checks the id token: signature, `iss`, `aud`, `azp`, `nonce`, times. */
  claims (key: string, client: OidcClient, secrets: SignInSecrets, callbackUrl: URL): Promise<Claims>
}

const TIMEOUT = 10_000
const RESPONSE_SIZE = 262_144
/** Milliseconds that what an issuer says of itself is believed, with its keys; a key that is not among them is asked for at once. */
const KEPT = 300_000
const ISSUERS = 200
const MAX_TEXT = 300
/** OpenID Connect Core, section 2; a space is taken, too. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/
const NEEDED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

export function createOidc ({ fetch, clock }: { readonly fetch: Fetch, readonly clock: Clock }): Oidc {
  const known = createExpiringCache<Configuration>(KEPT, ISSUERS, clock)
  const send = guarded(fetch)
  // Loaded by the first that signs in by it.
  const library = async (): Promise<typeof import('openid-client')> => await import('openid-client')

  async function discover ({ issuer, clientId, clientSecret }: OidcClient): Promise<Configuration> {
    const oidc = await library()
    const url = new URL(issuer)
    try {
      const found = await oidc.discovery(url, clientId, { client_secret: clientSecret, [oidc.clockTolerance]: 30 }, authentication(clientSecret, oidc.ClientSecretPost(clientSecret)), {
        [oidc.customFetch]: send,
        // The token comes over TLS from the issuer, which the standard takes for enough; a signature that is checked holds also where that is a proxy's.
        execute: [oidc.enableNonRepudiationChecks, ...url.protocol === 'http:' ? [oidc.allowInsecureRequests] : []],
        timeout: TIMEOUT / 1000
      })
      checkServer(found)
      return found
    } catch (error) {
      throw toIssuerError(error, url.host)
    }
  }

  async function connected (key: string, client: OidcClient): Promise<Configuration> {
    const kept = known.get(key)
    if (kept !== undefined) return kept
    try {
      const found = await discover(client)
      known.set(key, found)
      return found
    } catch (error) {
      throw error instanceof IssuerError ? ProviderAway(error.message) : error
    }
  }

  return {
    async examine (client) { await discover(client) },
    async authorizationUrl (key, client, { state, nonce, verifier }, redirectUri, scopes) {
      const configuration = await connected(key, client)
      const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await library()
      return buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri, scope: scopes.join(' '), state, nonce, code_challenge: await calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
      }).href
    },
    async claims (key, client, { state, nonce, verifier }, callbackUrl) {
      const configuration = await connected(key, client)
      const oidc = await library()
      try {
        const tokens = await oidc.authorizationCodeGrant(configuration, callbackUrl, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true })
        const claims = tokens.claims()!
        const told = claims['email'] === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined
          ? { ...await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub), iss: claims.iss, sub: claims.sub }
          : claims
        if (!SUBJECT.test(told.sub)) throw SignInRefused(`${new URL(client.issuer).host} names people in a way that the standard does not know: sub has to be 1 to 255 characters of printable ASCII`)
        return claimsOf(told)
      } catch (error) {
        throw toProblem(error, new URL(client.issuer).host)
      }
    }
  }

  /** Of the library's errors only what is known goes on: their causes hold whole answers, tokens and all. */
  function toProblem (error: unknown, host: string): unknown {
    const answer = error as { name?: string, error?: unknown, error_description?: unknown, code?: unknown, message?: string }
    if (answer.name === 'AuthorizationResponseError') return SignInDenied(`${host} answered ${described(answer.error, answer.error_description)}`)
    if (answer.name === 'ResponseBodyError') return SignInRefused(`${host} did not take the code: ${described(answer.error, answer.error_description)}`)
    const failure = causeOf(error)
    if (failure !== undefined) return ProviderAway(failure.message)
    if (answer.name === 'ClientError' || answer.name === 'WWWAuthenticateChallengeError' || error instanceof TypeError) return SignInRefused(`The answer of ${host} was refused (${reason(error)})`)
    return error
  }
}

function guarded (fetch: Fetch): CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    const answer = await fetch({
      method,
      url,
      headers,
      ...(body == null ? {} : { body: String(body) }),
      timeout: TIMEOUT,
      maxResponseSize: RESPONSE_SIZE,
      followRedirects: 0,
      secretHeaders: ['authorization'],
      signal: signal ?? AbortSignal.timeout(2 * TIMEOUT)
    })
    const empty = answer.status === 204 || answer.status === 304
    return new Response(empty ? null : Buffer.from(answer.body), { status: answer.status, headers: { 'content-type': answer.headers['content-type'] ?? '' } })
  }
}

/** In the header, as the standard prefers, unless the server wants it in the form. */
function authentication (secret: string, inForm: ClientAuth): ClientAuth {
  const inHeader = basicAuthentication(secret)
  return (server, ...rest) => (server.token_endpoint_auth_methods_supported?.includes('client_secret_basic') === false ? inForm : inHeader)(server, ...rest)
}

function checkServer (configuration: Configuration): void {
  const server = configuration.serverMetadata()
  if (server.issuer.includes('{')) throw new IssuerError('unfit', 'It speaks for the people of all tenants, not of yours: give the issuer of your own tenant, such as https://login.microsoftonline.com/<tenant id>/v2.0')
  const missing = NEEDED.filter(name => typeof server[name] !== 'string' || !URL.canParse(server[name]))
  if (missing.length > 0) throw new IssuerError('unfit', `Its description lacks ${missing.join(', ')}`)
  for (const name of [...NEEDED, 'userinfo_endpoint'] as const) {
    const address = server[name]
    if (address === undefined) continue
    const problem = URL.canParse(address) ? addressProblem(new URL(address)) : 'must be a URL'
    if (problem !== null) throw new IssuerError('unfit', `Its ${name} ${problem}`)
  }
  if (server.response_types_supported?.includes('code') === false) throw new IssuerError('unfit', 'It does not know the response type "code"')
  if (server.code_challenge_methods_supported?.includes('S256') === false) throw new IssuerError('unfit', 'It does not know PKCE with S256')
}

function toIssuerError (error: unknown, host: string): IssuerError {
  if (error instanceof IssuerError) return error
  const failure = causeOf(error)
  if (failure !== undefined) return new IssuerError('away', failure.message, error)
  return new IssuerError('unfit', `${host} does not answer /.well-known/openid-configuration as an issuer of this name does (${reason(error)})`, error)
}

function causeOf (error: unknown): FetchError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof FetchError) return one
  return undefined
}

function reason (error: unknown): string {
  const { cause, message } = error as { cause?: unknown, message?: string }
  const inner = cause instanceof Error ? cause.message : ''
  return plain(inner === '' ? message ?? 'unknown reason' : inner)
}

function described (error: unknown, description: unknown): string {
  return plain(typeof description === 'string' && description !== '' ? `${String(error)} (${description})` : String(error))
}

/** What others wrote, on one line of bounded length. */
function plain (text: string): string {
  return text.replaceAll(/[^\x20-\x7e\xa0-\uffff]+/g, ' ').slice(0, MAX_TEXT)
}

function claimsOf ({ iss, sub, email, email_verified: verified, name }: Record<string, unknown>): Claims {
  return {
    issuer: String(iss),
    subject: String(sub),
    email: typeof email === 'string' && /^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,189}$/u.test(email) ? email : null,
    emailVerified: verified === true,
    name: typeof name === 'string' ? nameOf(name) : null
  }
}

/** Without what no page shows, and no database takes (NUL, halves of surrogates). */
function nameOf (text: string): string | null {
  const name = text.replaceAll(/\p{C}+/gu, ' ').trim()
  return name === '' ? null : [...name].slice(0, 255).join('')
}

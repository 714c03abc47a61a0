import { createHash } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import type { CredentialData } from '../../engine/credentials/index.ts'
import { NodeError } from '../../engine/node-error.ts'
import { FetchError, type Fetch } from '../../lib/guarded-fetch/index.ts'

/** What an authorization server gave. */
export interface Granted {
  readonly accessToken: string
  readonly refreshToken: string | null
  /** Seconds; null where the server does not say. */
  readonly expiresIn: number | null
  readonly scope: string | null
}

/** A client of one authorization server, in the terms of the data of a credential of the type `oauth2`. */
export interface Oauth2Client {
  /** Everything that tokens depend on but the secret: a token of another client is none of this one's. */
  readonly fingerprint: string
  readonly grant: 'authorizationCode' | 'clientCredentials'
  authorizationUrl (options: { redirectUri: string, state: string, verifier: string }): string
  /** What the browser came back with. Throws NodeError: WC_OAUTH_ISSUER, WC_OAUTH_DENIED, WC_OAUTH_RESPONSE. */
  checkCallback (parameters: URLSearchParams): URLSearchParams
  exchange (callback: URLSearchParams, redirectUri: string, verifier: string): Promise<Granted>
  refresh (refreshToken: string): Promise<Granted>
  clientCredentials (): Promise<Granted>
}

/** milliseconds */
const TIMEOUT = 15_000
const RESPONSE_SIZE = 262_144
const MAX_DESCRIPTION = 300

/** All of its requests go through `fetch`, the guard of what goes out. Rejects with NodeError: WC_OAUTH_REFUSED, WC_OAUTH_RESPONSE, and those of requests. */
export function createOauth2Client (data: CredentialData, fetch: Fetch): Oauth2Client {
  const text = (name: string): string | undefined => typeof data[name] === 'string' ? data[name] : undefined
  const more = (name: string): Record<string, string> => (data[name] ?? {}) as Record<string, string>
  const [tokenUrl, authorizationUrl, scope, secret, clientId] = [text('tokenUrl')!, text('authorizationUrl'), text('scope'), text('clientSecret'), text('clientId')!]
  const server: oauth.AuthorizationServer = { issuer: text('issuer') ?? new URL(authorizationUrl ?? tokenUrl).origin, token_endpoint: tokenUrl }
  const client: oauth.Client = { client_id: clientId }
  const authentication = secret === undefined ? oauth.None() : text('clientAuthentication') === 'body' ? oauth.ClientSecretPost(secret) : basicAuthentication(secret)

  async function ask (request: (options: oauth.TokenEndpointRequestOptions) => Promise<Response>, read: (response: Response) => Promise<oauth.TokenEndpointResponse>): Promise<Granted> {
    let status = 0
    const send = async (url: string, { method, headers, body }: oauth.CustomFetchOptions<'POST', URLSearchParams>): Promise<Response> => {
      const answer = await fetch({ method, url, headers, body: body.toString(), timeout: TIMEOUT, maxResponseSize: RESPONSE_SIZE, followRedirects: 0, secretHeaders: ['authorization'], signal: AbortSignal.timeout(2 * TIMEOUT) })
      status = answer.status
      return new Response(withoutIdToken(answer.body), { status, headers: { 'content-type': answer.headers['content-type'] ?? '' } })
    }
    try {
      // Which addresses may be without TLS was decided when the credential was stored.
      const response = await request({ [oauth.customFetch]: send, [oauth.allowInsecureRequests]: true, additionalParameters: more('tokenParameters') })
      const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope: given } = await read(response)
      return { accessToken, refreshToken: refreshToken ?? null, expiresIn: expiresIn ?? null, scope: given ?? scope ?? null }
    } catch (error) {
      throw toNodeError(error, new URL(tokenUrl).host, status)
    }
  }

  return {
    fingerprint: createHash('sha256').update(JSON.stringify([data['grant'], authorizationUrl, tokenUrl, server.issuer, clientId, scope, more('authorizationParameters'), more('tokenParameters')])).digest('base64url'),
    grant: data['grant'] as Oauth2Client['grant'],
    authorizationUrl ({ redirectUri, state, verifier }) {
      const url = new URL(authorizationUrl!)
      const own = { response_type: 'code', client_id: clientId, redirect_uri: redirectUri, state, code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' }
      for (const [name, value] of Object.entries({ ...(scope !== undefined && { scope }), ...more('authorizationParameters'), ...own })) url.searchParams.set(name, value)
      return url.href
    },
    checkCallback (parameters) {
      checkIssuer(parameters.getAll('iss'), text('issuer'), server.issuer)
      const rest = new URLSearchParams(parameters)
      rest.delete('iss')
      try {
        return oauth.validateAuthResponse(server, client, rest, oauth.skipStateCheck)
      } catch (error) {
        if (error instanceof oauth.AuthorizationResponseError) throw new NodeError('WC_OAUTH_DENIED', `The authorization server answered ${described(error.error, error.error_description)}`)
        throw new NodeError('WC_OAUTH_RESPONSE', 'The authorization server did not answer as the standard says')
      }
    },
    exchange: async (callback, redirectUri, verifier) => await ask(
      async options => await oauth.authorizationCodeGrantRequest(server, client, authentication, callback, redirectUri, verifier, options),
      async response => await oauth.processAuthorizationCodeResponse(server, client, response)),
    refresh: async refreshToken => await ask(
      async options => await oauth.refreshTokenGrantRequest(server, client, authentication, refreshToken, options),
      async response => await oauth.processRefreshTokenResponse(server, client, response)),
    clientCredentials: async () => await ask(
      async ({ additionalParameters: _sent, ...options }) => await oauth.clientCredentialsGrantRequest(server, client, authentication, { ...(scope !== undefined && { scope }), ...more('tokenParameters') }, options),
      async response => await oauth.processClientCredentialsResponse(server, client, response))
  }
}

/** RFC 6749, section 2.3.1. The library's own also encodes what needs no encoding, and many servers do not decode. */
export function basicAuthentication (secret: string): oauth.ClientAuth {
  return (_server, client, _body, headers) => {
    const pair = [client.client_id, secret].map(text => new URLSearchParams([['', text]]).toString().slice(1)).join(':')
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
  }
}

/** RFC 9207: who answers in the name of another server mixes us up. Where only the origin is known, that must be right. */
function checkIssuer (given: readonly string[], expected: string | undefined, origin: string): void {
  if (given.length === 0) return
  const [issuer = ''] = given
  const fits = given.length === 1 && (expected === undefined ? URL.canParse(issuer) && new URL(issuer).origin === origin : issuer === expected)
  if (!fits) throw new NodeError('WC_OAUTH_ISSUER', `The answer came in the name of ${JSON.stringify(issuer.slice(0, 200))}, which is not the authorization server of this credential`)
}

/** Nobody logs in here: an id token would only be something to get wrong. */
function withoutIdToken (body: Uint8Array): string {
  const text = Buffer.from(body).toString()
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null || !('id_token' in answer)) return text
    const { id_token: _unused, ...rest } = answer
    return JSON.stringify(rest)
  } catch {
    return text
  }
}

// The library's errors carry whole answers in their cause, tokens and all: none of it goes on.
function toNodeError (error: unknown, host: string, status: number): unknown {
  if (error instanceof FetchError) return new NodeError(error.code, error.message, { retryable: error.retryable })
  if (error instanceof oauth.ResponseBodyError) {
    const passing = error.status >= 500 || error.status === 429
    return new NodeError('WC_OAUTH_REFUSED', `${host} gave no token: ${described(error.error, error.error_description)}`, { retryable: passing, data: { error: error.error, status: error.status } })
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError || error instanceof oauth.WWWAuthenticateChallengeError) {
    return new NodeError('WC_OAUTH_RESPONSE', status === 200 ? `${host} did not answer with a token as the standard says` : `${host} answered ${status}`, { retryable: status >= 500 || status === 429 })
  }
  return error
}

function described (error: string, description: string | undefined): string {
  return JSON.stringify(error.slice(0, 100)) + (description === undefined ? '' : ` (${description.slice(0, MAX_DESCRIPTION)})`)
}

import { OAuth2Server } from 'oauth2-mock-server'
import type { Teardown } from './database.ts'

/** A token request as the server saw it. */
export interface TokenRequest {
  readonly grant: string
  readonly refreshToken: string | undefined
  readonly authorization: string | undefined
  readonly body: Readonly<Record<string, string>>
}

export interface AuthorizationServer {
  readonly url: string
  readonly requests: TokenRequest[]
  /** Refresh tokens that are good: each is once, as servers that rotate them have it. */
  readonly refreshTokens: Set<string>
  /** Changes answers of the token endpoint. */
  answer: (body: Record<string, unknown>, request: TokenRequest) => { status: number, body: Record<string, unknown> } | undefined
  /** What somebody who consents at this address is sent back with. */
  consent (url: string): Promise<URLSearchParams>
}

/** A real authorization server, which checks PKCE; refresh tokens are good once. */
export async function startAuthorizationServer (t: Teardown): Promise<AuthorizationServer> {
  const server = new OAuth2Server()
  await server.issuer.keys.generate('RS256')
  await server.start(0, '127.0.0.1')
  t.teardown(async () => { await server.stop() })
  const started: AuthorizationServer = {
    url: `http://127.0.0.1:${server.address().port}`,
    requests: [],
    refreshTokens: new Set(),
    answer: () => undefined,
    async consent (url) {
      const response = await fetch(url, { redirect: 'manual' })
      const location = response.headers.get('location')
      if (location === null) throw new Error(`The authorization server answered ${response.status} ${await response.text()}`)
      return new URL(location).searchParams
    }
  }
  server.service.on('beforeResponse', (response: { body: Record<string, unknown>, statusCode: number }, request: { headers: Record<string, string | undefined>, body: Record<string, string> }) => {
    const seen: TokenRequest = { grant: request.body['grant_type'] ?? '', refreshToken: request.body['refresh_token'], authorization: request.headers['authorization'], body: { ...request.body } }
    started.requests.push(seen)
    const known = seen.grant !== 'refresh_token' || started.refreshTokens.delete(seen.refreshToken ?? '')
    const answer = known ? started.answer(response.body, seen) : { status: 400, body: { error: 'invalid_grant' } }
    if (answer !== undefined) Object.assign(response, { body: answer.body, statusCode: answer.status })
    if (typeof response.body['refresh_token'] === 'string') started.refreshTokens.add(response.body['refresh_token'])
  })
  return started
}

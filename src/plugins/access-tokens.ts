import { createHash } from 'node:crypto'
import jwt from '@fastify/jwt'
import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import fp from 'fastify-plugin'
import type { Clock } from '../lib/ids.ts'
import { Unauthenticated } from '../services/problems.ts'

export interface AccessTokenOptions {
  readonly secret: string
  /** Signed the tokens of before: these stay valid until they expire. */
  readonly previousSecrets: readonly string[]
  /** Milliseconds. */
  readonly lifetime: number
  readonly clock: Clock
  readonly nextId: () => string
}

declare module 'fastify' {
  interface FastifyInstance {
    issueAccessToken (session: { id: string, userId: string }): { accessToken: string, expiresIn: number }
    /** Throws Unauthenticated. */
    verifyAccessToken (token: string): { sessionId: string, userId: string }
  }
}

const ISSUER = 'weconnect'
const AUDIENCE = 'weconnect-api'
// RFC 9068: an access token says so in its header, so that no other token of the same key passes for one.
const TOKEN_TYPE = 'at+jwt'
const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

const Claims = Type.Object({
  iss: Type.Literal(ISSUER),
  aud: Type.Literal(AUDIENCE),
  typ: Type.Literal('access'),
  sub: Type.String({ pattern: UUID }),
  sid: Type.String({ pattern: UUID }),
  jti: Type.String({ pattern: UUID }),
  iat: Type.Integer(),
  exp: Type.Integer()
}, { additionalProperties: false })
const claimsCheck = TypeCompiler.Compile(Claims)

// Three parts of canonical base64url: the last of 43 characters for 32 bytes carries two unused bits, and decoders ignore them.
const COMPACT_HS256 = /^[A-Za-z0-9_-]{1,500}\.[A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Access tokens: HS256 and nothing else, every claim checked, by our clock. */
export const accessTokens = fp<AccessTokenOptions>(async function accessTokensPlugin (app, { secret, previousSecrets, lifetime, clock, nextId }) {
  // Expiry is checked below: the library reads the time of the machine.
  const verify = { algorithms: ['HS256' as const], allowedIss: ISSUER, allowedAud: AUDIENCE, checkTyp: TOKEN_TYPE, requiredClaims: Object.keys(Claims.properties), ignoreExpiration: true }
  const previous = new Map(previousSecrets.map(key => [keyId(key), key]))
  const current = keyId(secret)
  await app.register(jwt, {
    secret,
    sign: { algorithm: 'HS256', header: { alg: 'HS256', typ: TOKEN_TYPE, kid: current } },
    verify
  })

  app.decorate('issueAccessToken', ({ id, userId }) => {
    const iat = Math.floor(clock() / 1000)
    const expiresIn = Math.floor(lifetime / 1000)
    const claims: Static<typeof Claims> = { iss: ISSUER, aud: AUDIENCE, typ: 'access', sub: userId, sid: id, jti: nextId(), iat, exp: iat + expiresIn }
    return { accessToken: app.jwt.sign(claims), expiresIn }
  })

  app.decorate('verifyAccessToken', token => {
    const claims = COMPACT_HS256.test(token) ? verified(token) : undefined
    if (claims === undefined || !claimsCheck.Check(claims)) throw Unauthenticated('The access token is not valid.')
    if (claims.exp * 1000 <= clock()) throw Unauthenticated('The access token has expired. Get another one with the refresh token.')
    return { sessionId: claims.sid, userId: claims.sub }
  })

  function verified (token: string): unknown {
    try {
      const kid = kidOf(token)
      if (kid === undefined || kid === current) return app.jwt.verify(token)
      const key = previous.get(String(kid))
      return key === undefined ? undefined : app.jwt.verify(token, { ...verify, key })
    } catch {
      return undefined
    }
  }
}, { name: 'access-tokens', fastify: '5.x' })

/** Tells keys apart and says nothing about them: 64 bits of a hash of 256 secret ones. */
function keyId (secret: string): string {
  return createHash('sha256').update('weconnect access token key\n').update(secret).digest().subarray(0, 8).toString('base64url')
}

/** Undefined where there is none, as in tokens of other makers that know the present secret. Throws for a header that is none. */
function kidOf (token: string): unknown {
  const header = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString()) as { kid?: unknown }
  return header.kid
}

import { createHash, randomBytes } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import { needs } from '../../src/schemas/access.ts'
import { register, testApp, type Person } from './app.ts'
import type { Teardown } from './database.ts'
import { startOidcProvider } from './oidc-provider.ts'

type Headers = Record<string, string>
export interface Tokens { accessToken: string, refreshToken: string, user: { id: string, email: string, organizations: Array<{ id: string, role: string }> } }
export interface Begun { url: string, cookie: string, verifier: string, path: string }

/** Something in an organization, for those who may look on. */
const inside = { prefix: '/inside', routes: (async scope => { scope.get('/', { config: { access: needs('workflow:read') } }, async request => ({ organizationId: request.organizationId })) }) as FastifyPluginAsync }

/** The application and a provider that it may reach, with what browsers and programs do between them. */
export async function ssoSite (t: Teardown) {
  const idp = await startOidcProvider(t)
  const { fetch, close } = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'test' })
  t.teardown(close)
  /** What happens once while the provider is asked to take the next code. */
  let meanwhile: (() => Promise<unknown>) | undefined
  const watched: typeof fetch = async request => {
    const act = String(request.url).endsWith('/token') ? meanwhile : undefined
    if (act !== undefined) meanwhile = undefined
    await act?.()
    return await fetch(request)
  }
  const testing = await testApp(t, { tenantRoutes: [inside], sso: { fetch: watched, returnOrigins: ['https://app.example.org'] } })
  const { app } = testing

  const call = async (method: string, url: string, headers: Headers = {}, payload?: object) =>
    await app.inject({ method: method as 'GET', url, headers, ...(payload === undefined ? {} : { payload }) })

  const client = { name: 'Login', issuer: idp.issuer, clientId: idp.clientId, clientSecret: idp.clientSecret }
  const open = { ...client, allowedDomains: ['Example.com'], createMembers: true, defaultRole: 'editor' }

  async function provide (owner: Person, settings: object = open): Promise<string> {
    const answer = await call('POST', `/v1/organizations/${owner.organizationId}/sso-providers`, owner.headers, settings)
    if (answer.statusCode !== 201) throw new Error(answer.body)
    return answer.json<{ id: string }>().id
  }

  const providerPath = (owner: Person, id: string) => `/v1/organizations/${owner.organizationId}/sso-providers/${id}`

  async function begin (providerId: string, more = ''): Promise<Begun> {
    const verifier = randomBytes(32).toString('base64url')
    const path = `/v1/auth/sso/${providerId}`
    const answer = await call('GET', `${path}/start?codeChallenge=${createHash('sha256').update(verifier).digest('base64url')}${more}`)
    if (answer.statusCode !== 302) throw new Error(answer.body)
    return { url: answer.headers.location!, cookie: String(answer.headers['set-cookie']).split(';')[0]!, verifier, path }
  }

  /** As a browser and the program behind it do it. */
  async function codeOf (providerId: string, subject: string): Promise<{ code: string, codeVerifier: string }> {
    const { url, cookie, verifier } = await begin(providerId)
    const back = await idp.signIn(url, subject)
    const answer = await call('GET', back.pathname + back.search, { cookie })
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return { code: answer.json<{ code: string }>().code, codeVerifier: verifier }
  }

  /** A sign-in during which something happens, up to what the browser is answered. */
  async function answerWhile (providerId: string, subject: string, act: () => Promise<unknown>) {
    const { url, cookie } = await begin(providerId)
    const back = await idp.signIn(url, subject)
    meanwhile = act
    return await call('GET', back.pathname + back.search, { cookie })
  }

  async function exchange (providerId: string, subject: string) {
    return await call('POST', '/v1/auth/sso/token', {}, await codeOf(providerId, subject))
  }

  async function signIn (providerId: string, subject: string): Promise<Tokens & { headers: Headers }> {
    const answer = await exchange(providerId, subject)
    if (answer.statusCode !== 200) throw new Error(answer.body)
    const tokens = answer.json<Tokens>()
    return { ...tokens, headers: { authorization: `Bearer ${tokens.accessToken}` } }
  }

  async function joins (person: Person, owner: Person, role = 'viewer'): Promise<void> {
    const { token } = (await call('POST', `/v1/organizations/${owner.organizationId}/invitations`, owner.headers, { email: person.email, role })).json<{ token: string }>()
    const answer = await call('POST', `/v1/invitations/${token}/accept`, person.headers)
    if (answer.statusCode !== 200) throw new Error(answer.body)
  }

  const link = async (person: Person, providerId: string, subject: string, password = person.password) =>
    await call('POST', '/v1/auth/me/identities', person.headers, { ...await codeOf(providerId, subject), password })

  return { ...testing, register: async () => await register(app), idp, client, open, call, provide, providerPath, begin, codeOf, answerWhile, exchange, signIn, joins, link }
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { escapeHtml } from '../lib/escape-html.ts'
import { BY_ADDRESS, PUBLIC } from '../schemas/access.ts'
import { Id, Name, PUBLIC_SECURITY } from '../schemas/common.ts'
import { Slug, Tokens } from '../schemas/identity.ts'
import { problemResponses } from '../schemas/problem.ts'
import { CodeChallenge, HandedCode } from '../schemas/sso.ts'
import type { Identity } from '../services/identity/identity.ts'
import { cookiesOf, sendPage, setFlowCookie, wantsPage } from './browser-cookie.ts'
import { clientOf, tokensOf } from './tokens.ts'

const common = { tags: ['Auth'], security: PUBLIC_SECURITY }
const ProviderParams = Type.Object({ providerId: Id }, { additionalProperties: false })
const CallbackQuery = Type.Object({
  state: Type.Optional(Type.String({ maxLength: 512 })),
  code: Type.Optional(Type.String({ maxLength: 8192 })),
  iss: Type.Optional(Type.String({ maxLength: 2048 })),
  error: Type.Optional(Type.String({ maxLength: 512 })),
  error_description: Type.Optional(Type.String({ maxLength: 4096 }))
})
const Found = Type.Null({ description: 'To the provider, or on to `returnTo` with `code`, or with `error` and `error_description`' })

/** `/v1/auth/sso`: signing in by an organization's identity provider. What anyone may ask, hence limited per address: the limit comes with the scope. */
export const ssoRoutes: FastifyPluginAsyncTypebox<{ identity: Identity, secure: boolean }> = async (app, { identity, secure }) => {
  const { signIn } = identity
  const tokens = tokensOf(app)
  // A code in an address must not be told to whom a page links to.
  app.addHook('onRequest', async (_request, reply) => { reply.header('referrer-policy', 'no-referrer') })

  app.get('/', {
    config: { access: BY_ADDRESS },
    schema: {
      ...common,
      operationId: 'listSignInProviders',
      summary: 'List what members of an organization can sign in by',
      description: 'Empty as well where there is no such organization.',
      querystring: Type.Object({ organization: Slug }, { additionalProperties: false }),
      response: { 200: Type.Object({ data: Type.Array(Type.Object({ id: Id, name: Name })) }), ...problemResponses(422) }
    }
  }, async request => ({ data: await signIn.providers(request.query.organization) }))

  app.get('/:providerId/start', {
    config: { access: BY_ADDRESS },
    schema: {
      ...common,
      operationId: 'startSignIn',
      summary: 'Send a browser here to sign in',
      description: 'It is sent on to the provider with a cookie, and must come back with that within 10 minutes. Then `returnTo`, a page with a plain path at an origin that the operator lists, gets a `code`; without `returnTo` the answer holds it. Whoever has the verifier of `codeChallenge` exchanges it at POST /v1/auth/sso/token.',
      params: ProviderParams,
      querystring: Type.Object({ codeChallenge: CodeChallenge, returnTo: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, examples: ['https://app.example.org/signed-in'] })) }, { additionalProperties: false }),
      response: { 200: Type.Object({ url: Type.String({ format: 'uri', description: 'Where to go on' }) }, { $id: 'SignInStart', description: 'For who asks for `application/json`: a page that goes on by itself, and keeps the cookie' }), 302: Found, ...problemResponses(400, 404, 409, 422) }
    }
  }, async (request, reply) => {
    const { url, cookie, path } = await signIn.begin(request.params.providerId, request.query)
    setFlowCookie(reply, cookie, path, secure)
    return /\bapplication\/json\b/.test(request.headers.accept ?? '') ? { url } : await reply.redirect(url)
  })

  app.get('/:providerId/callback', {
    config: { access: BY_ADDRESS },
    schema: {
      ...common,
      operationId: 'finishSignIn',
      summary: 'Where an identity provider sends browsers back to',
      params: ProviderParams,
      querystring: CallbackQuery,
      response: { 200: Type.Object({ code: HandedCode.code, expiresIn: Type.Integer({ description: 'Seconds', examples: [120] }) }, { $id: 'SignInCode' }), 302: Found, ...problemResponses(400, 404, 409, 422) }
    }
  }, async (request, reply) => {
    const outcome = await signIn.finish(request.params.providerId, new URL(request.url, 'http://callback').searchParams, cookiesOf(request))
    const { returnTo } = outcome
    if (returnTo !== null) return await reply.redirect(withParameters(returnTo, 'code' in outcome ? { code: outcome.code } : { error: outcome.problem.code, error_description: outcome.problem.message }))
    if ('problem' in outcome) throw outcome.problem
    if (wantsPage(request)) return await sendPage(reply, codePage(outcome))
    return { code: outcome.code, expiresIn: outcome.seconds }
  })

  app.post('/token', {
    config: { access: PUBLIC },
    schema: {
      ...common,
      operationId: 'exchangeSignInCode',
      summary: 'Exchange the code of a sign-in for a session',
      description: 'The session reaches the organization of the provider only, ends after a day at most, and is asked for no second factor of ours. Who is new becomes a member where the provider is set so.',
      body: Type.Object(HandedCode, { additionalProperties: false }),
      response: { 200: Tokens, ...problemResponses(400, 403, 404, 409, 413, 415, 422) }
    }
  }, async request => {
    const session = await signIn.signIn(request.body.code, request.body.codeVerifier, clientOf(request))
    return tokens(session, await identity.accounts.read(session.userId, session.organizationId))
  })
}

/** Whoever sent the link may be somebody else than who reads this. */
function codePage ({ code, organizationName }: { readonly code: string, readonly organizationName: string }): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed in</title>
<p>Whoever has this code gets into <b>${escapeHtml(organizationName)}</b> as you.</p>
<p>Enter it in the program on your own computer that you have just started to sign in, within two minutes:</p><p><code>${code}</code></p>
<p><b>Never give it to anybody</b>, whoever asks for it. If you did not start to sign in yourself, close this page.</p></html>\n`
}

function withParameters (address: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

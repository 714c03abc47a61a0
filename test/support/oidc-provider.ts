import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import type { Teardown } from './database.ts'

export interface PersonThere {
  readonly email?: string
  readonly email_verified?: boolean
  readonly name?: string
}

export interface OidcServer {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** By subject; may be changed between sign-ins. */
  readonly people: Map<string, PersonThere>
  /** What a browser is sent back with when this person signs in at the address, without a look at where that is. */
  signIn (url: string, subject: string): Promise<URL>
}

/** A real OpenID provider on a free port, which demands PKCE and says addresses at its userinfo endpoint only, as the standard prefers. */
export async function startOidcProvider (t: Teardown): Promise<OidcServer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [clientId, clientSecret] = ['weconnect', `canary-${randomBytes(12).toString('hex')}`]
  const people = new Map<string, PersonThere>()
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: ['http://localhost/unused'] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    pkce: { required: () => true },
    jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'one' } as never] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (_context, subject) => ({ accountId: subject, claims: async () => ({ sub: subject, ...people.get(subject) }) }),
    async loadExistingGrant (context) {
      const { client, session } = context.oidc
      const grant = new context.oidc.provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    }
  })
  // Where WeConnect is reached is known only once it knows the provider.
  Object.assign(provider.Client.prototype, { redirectUriAllowed: () => true })
  let current = ''
  const serve = provider.callback()
  server.on('request', (request, response) => {
    const answer = request.url?.startsWith('/interaction/') === true ? provider.interactionFinished(request, response, { login: { accountId: current } }) : serve(request, response)
    answer.catch((error: unknown) => { response.destroy(error as Error) })
  })

  return {
    issuer,
    clientId,
    clientSecret,
    people,
    async signIn (url, subject) {
      current = subject
      const cookies = new Map<string, string>()
      for (let address = new URL(url); ;) {
        const response = await fetch(address, { redirect: 'manual', headers: { cookie: [...cookies].map(pair => pair.join('=')).join('; ') } })
        for (const cookie of response.headers.getSetCookie()) cookies.set(...cookie.split(';')[0]!.split(/=(.*)/s).slice(0, 2) as [string, string])
        const location = response.headers.get('location')
        if (location === null) throw new Error(`The provider answered ${response.status} ${await response.text()}`)
        address = new URL(location, address)
        if (address.origin !== issuer) return address
      }
    }
  }
}

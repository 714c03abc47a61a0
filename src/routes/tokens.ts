import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Account } from '../services/identity/accounts.ts'
import type { Client, StartedSession } from '../services/identity/sessions.ts'
import { userView } from './views.ts'

/** What whoever has begun or refreshed a session gets. */
export function tokensOf (app: Pick<FastifyInstance, 'issueAccessToken'>) {
  return (session: StartedSession, account: Account) => ({ ...app.issueAccessToken(session), refreshToken: session.refreshToken, user: userView(account) })
}

export function clientOf ({ ip, headers, id }: FastifyRequest): Client {
  return { ip, userAgent: headers['user-agent'] ?? null, requestId: id }
}

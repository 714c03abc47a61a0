import * as queries from '../../db/queries/sessions.ts'
import type { NewSession, SessionReach, SessionRow } from '../../db/queries/sessions.ts'
import { listMemberIds } from '../../db/queries/members.ts'
import { grantsOfUser, type HeldGrantRow } from '../../db/queries/resource-grants.ts'
import { by, type Origin } from '../audit.ts'
import { NotFound, Unauthenticated } from '../problems.ts'
import { heldGrants, type HeldGrants } from './grants.ts'
import type { IdentityDependencies } from './identity.ts'
import { permissionsOfRole, type Permissions } from './permissions.ts'
import { createSecret, parseRefreshToken, refreshTokenText } from './tokens.ts'

/** What is kept of a session that is alive. */
export interface LiveSession extends SessionReach {
  /** Left out by processes of before there were any. */
  readonly grants?: readonly HeldGrantRow[]
}

export interface Membership {
  readonly organizationId: string
  readonly permissions: Permissions
  /** Beyond those, on single resources. None for API keys: these may what their scopes say. */
  readonly grants?: HeldGrants
  /** Its members come in by its identity provider only, and this credential did not. */
  readonly ssoRequired?: boolean
}

/** Where a session may go. */
export interface Reach {
  /** The organization that it ends at, whose provider vouched for it; null for a session of the person's own. */
  readonly organizationId: string | null
  readonly memberships: readonly Membership[]
}

/** From where a session is used. */
export interface Client {
  readonly ip: string | null
  readonly userAgent: string | null
  readonly requestId: string | null
}

export interface StartedSession {
  readonly id: string
  readonly userId: string
  readonly refreshToken: string
  /** The organization that it ends at, or null. */
  readonly organizationId: string | null
}

/** For a session that an identity provider vouched for. */
export interface Vouched {
  readonly identityId: string
  readonly organizationId: string
  /** Milliseconds that it lives at most, used or not. */
  readonly lifetime: number
}

/** Whose sessions somebody may see and end: a person's, and of a session that ends at an organization those that do, too. */
export interface Holder {
  readonly userId: string
  readonly organizationId: string | null
}

export interface Sessions {
  /** What a new session stores, and what its holder gets. */
  draft (userId: string, client: Client, vouched?: Vouched): { row: NewSession, started: StartedSession }
  start (userId: string, client: Client): Promise<StartedSession>
  /** Throws Unauthenticated. */
  refresh (token: string, client: Client): Promise<StartedSession>
  /** Where a live session may go, or undefined. Where processes share no Redis up to 5 s old, so another one's revocation takes that long here. */
  reach (sessionId: string, userId: string): Promise<Reach | undefined>
  list (holder: Holder, limit: number, before?: string): Promise<SessionRow[]>
  revoke (holder: Holder, sessionId: string, origin: Origin): Promise<void>
  revokeOthers (holder: Holder, keepSessionId: string, origin: Origin): Promise<void>
  /** For changes of a person's memberships: the next request reads them anew. */
  forget (...userIds: readonly string[]): Promise<void>
  /** The same for all members of an organization. */
  forgetMembers (organizationId: string): Promise<void>
}

const MAX_USER_AGENT = 400

export function createSessions ({ db, clock, nextId, refreshLifetime, liveSessions }: IdentityDependencies): Sessions {
  const expiry = (lifetime = refreshLifetime): Date => new Date(clock() + Math.min(lifetime, refreshLifetime))

  function draft (userId: string, client: Client, vouched?: Vouched): { row: NewSession, started: StartedSession } {
    const id = nextId()
    const { secret, secretHash } = createSecret()
    return {
      row: {
        id,
        userId,
        refreshHash: secretHash,
        userAgent: client.userAgent?.slice(0, MAX_USER_AGENT) ?? null,
        ip: client.ip,
        expiresAt: expiry(vouched?.lifetime),
        identityId: vouched?.identityId ?? null,
        endsAt: vouched === undefined ? null : expiry(vouched.lifetime)
      },
      started: { id, userId, refreshToken: refreshTokenText(id, 1, secret), organizationId: vouched?.organizationId ?? null }
    }
  }

  async function refresh (text: string, client: Client): Promise<StartedSession> {
    const token = parseRefreshToken(text)
    if (token === null) throw Unauthenticated('This is not a refresh token.')
    const { sessionId, generation } = token
    const next = createSecret()
    const result = await queries.rotateSession(db,
      { sessionId, generation, refreshHash: token.secretHash, nextHash: next.secretHash, now: new Date(clock()), expiresAt: expiry() },
      { actorType: 'system', actorId: null, action: 'session.reuseDetected', targetType: 'session', targetId: sessionId, ip: client.ip, requestId: client.requestId })
    if (result?.outcome === 'revoked') {
      await liveSessions.forget(result.userId)
      throw Unauthenticated('This refresh token was used before, so its session was ended for safety. Log in again.')
    }
    if (result === undefined) throw Unauthenticated('The refresh token is not valid, or its session has ended. Log in again.')
    return { id: sessionId, userId: result.userId, refreshToken: refreshTokenText(sessionId, generation + 1, next.secret), organizationId: result.organizationId }
  }

  return {
    draft,
    refresh,
    forget: async (...userIds) => { await liveSessions.forget(...userIds) },
    forgetMembers: async organizationId => { await liveSessions.forget(...await listMemberIds(db, organizationId)) },
    async start (userId, client) {
      const { row, started } = draft(userId, client)
      await queries.insertSession(db, row, {
        actorType: 'user', actorId: userId, action: 'session.created', targetType: 'session', targetId: row.id, ip: client.ip, requestId: client.requestId
      })
      return started
    },
    async reach (sessionId, userId) {
      const live = await liveSessions.get(sessionId, userId, async () => {
        const [reach, grants] = await Promise.all([queries.reachOfSession(db, sessionId, userId, new Date(clock())), grantsOfUser(db, userId)])
        return reach === undefined ? undefined : { ...reach, grants }
      })
      return live && {
        organizationId: live.organizationId,
        memberships: live.memberships.map(({ organizationId, role, permissions, ssoRequired }) => ({
          organizationId, ssoRequired, permissions: permissionsOfRole(role, permissions), grants: heldGrants(live.grants ?? [], organizationId)
        }))
      }
    },
    list: async ({ userId, organizationId }, limit, before) => await queries.listSessions(db, userId, organizationId, new Date(clock()), limit, before),
    async revoke ({ userId, organizationId }, sessionId, origin) {
      const revoked = await queries.revokeSession(db, userId, sessionId, organizationId, { ...by(origin), action: 'session.revoked', targetType: 'session', targetId: sessionId })
      await liveSessions.forget(userId)
      if (!revoked) throw NotFound('session with this id')
    },
    async revokeOthers ({ userId, organizationId }, keepSessionId, origin) {
      await queries.revokeOtherSessions(db, userId, keepSessionId, organizationId, { ...by(origin), action: 'session.othersRevoked', targetType: 'user', targetId: userId })
      await liveSessions.forget(userId)
    }
  }
}

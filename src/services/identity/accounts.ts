import * as queries from '../../db/queries/accounts.ts'
import type { MembershipRow, UserRow } from '../../db/queries/accounts.ts'
import { violatedConstraint } from '../../db/errors.ts'
import { by, SYSTEM, type Origin } from '../audit.ts'
import { Conflict, InvalidInput, Unauthenticated } from '../problems.ts'
import type { IdentityDependencies } from './identity.ts'
import { passwordFaults } from './password-rules.ts'
import type { TwoFactor } from './two-factor.ts'
import type { Client, Sessions, StartedSession } from './sessions.ts'
import { slugOf, slugVariant } from './slug.ts'

export interface Account extends UserRow {
  readonly organizations: readonly MembershipRow[]
}

export interface Registration {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly organizationName: string
}

export interface FirstOwner extends Registration {
  readonly slug: string
  readonly apiKey?: { readonly id: string, readonly name: string, readonly secretHash: Buffer }
}

export interface Accounts {
  register (input: Registration, client: Client): Promise<{ account: Account, session: StartedSession }>
  /** `code`: of the second factor, where there is one. */
  login (email: string, password: string, code: string | undefined, client: Client): Promise<{ account: Account, session: StartedSession }>
  /** The owner of an empty database. Null if there is a user already. */
  createFirstOwner (input: FirstOwner): Promise<{ userId: string, organizationId: string } | null>
  hasAny (): Promise<boolean>
  /** With the organizations that a session reaches: one, or all (null) that the person belongs to. */
  read (userId: string, reach: string | null): Promise<Account>
  rename (userId: string, name: string, origin: Origin): Promise<Account>
  changePassword (userId: string, sessionId: string, change: { currentPassword: string, newPassword: string }, origin: Origin): Promise<void>
}

const SLUG_ATTEMPTS = 5

export function createAccounts (dependencies: IdentityDependencies, sessions: Sessions, twoFactor: Pick<TwoFactor, 'check'>): Accounts {
  const { db, passwords } = dependencies

  async function read (userId: string, reach: string | null = null): Promise<Account> {
    const [user, organizations] = await Promise.all([queries.findUser(db, userId), queries.organizationsOfUser(db, userId, reach)])
    if (user === undefined) throw Unauthenticated('This account does not exist any more.')
    return { ...user, organizations }
  }

  async function register (input: Registration, client: Client): Promise<{ account: Account, session: StartedSession }> {
    refuseWeakPassword(input.password, [input.email, input.name, input.organizationName], '/password')
    const userId = dependencies.nextId()
    const { row, started } = sessions.draft(userId, client)
    const origin: Origin = { actor: { type: 'user', id: userId }, ip: client.ip, requestId: client.requestId }
    await insertAccount(dependencies, { input, userId, session: row, origin, onlyFirst: false, slug: slugOf(input.organizationName), apiKey: null })
    return { account: await read(userId), session: started }
  }

  return {
    register,
    read,
    async login (email, password, code, client) {
      const user = await queries.findUserWithPassword(db, { email })
      const matches = await passwords.verify(user?.passwordHash, password)
      if (user === undefined || !matches) throw Unauthenticated('The email address or the password is wrong.')
      await twoFactor.check(user.id, code, { actor: { type: 'user', id: user.id }, ip: client.ip, requestId: client.requestId })
      const session = await sessions.start(user.id, client)
      return { account: await read(user.id), session }
    },
    async createFirstOwner (input) {
      refuseWeakPassword(input.password, [input.email, input.name, input.organizationName], '/password')
      const userId = dependencies.nextId()
      const organizationId = await insertAccount(dependencies, { input, userId, session: null, origin: SYSTEM, onlyFirst: true, slug: input.slug, apiKey: input.apiKey ?? null })
      return organizationId === null ? null : { userId, organizationId }
    },
    hasAny: async () => await queries.hasUsers(db),
    async rename (userId, name, origin) {
      const before = await read(userId)
      await queries.updateUserName(db, userId, name,
        { ...by(origin), action: 'user.updated', targetType: 'user', targetId: userId, before: { name: before.name }, after: { name } })
      return { ...before, name }
    },
    async changePassword (userId, sessionId, { currentPassword, newPassword }, origin) {
      const user = await queries.findUserWithPassword(db, { id: userId })
      const matches = await passwords.verify(user?.passwordHash, currentPassword)
      if (user === undefined || !matches) {
        throw InvalidInput([{ pointer: '/currentPassword', message: 'is not the present password', code: 'WC_PASSWORD_WRONG' }])
      }
      refuseWeakPassword(newPassword, [user.email, user.name], '/newPassword')
      await queries.updatePassword(db, userId, await passwords.hash(newPassword), sessionId,
        { ...by(origin), action: 'user.passwordChanged', targetType: 'user', targetId: userId })
      await sessions.forget(userId)
    }
  }
}

function refuseWeakPassword (password: string, own: readonly string[], pointer: string): void {
  const faults = passwordFaults(password, own, pointer)
  if (faults.length > 0) throw InvalidInput(faults)
}

interface AccountInsert {
  readonly input: Registration
  readonly userId: string
  readonly session: queries.NewAccount['session']
  readonly origin: Origin
  readonly onlyFirst: boolean
  readonly slug: string
  readonly apiKey: queries.NewAccount['apiKey']
}

/** The id of the new organization; null where `onlyFirst` found a user. */
async function insertAccount (dependencies: IdentityDependencies, { input, userId, session, origin, onlyFirst, slug, apiKey }: AccountInsert): Promise<string | null> {
  const { db, nextId, passwords } = dependencies
  const user = { id: userId, email: input.email.trim(), name: input.name.trim(), passwordHash: await passwords.hash(input.password) }
  const name = input.organizationName.trim()
  return await withFreeSlug(slug, async free => {
    const organization = { id: nextId(), name, slug: free }
    const audit = {
      id: nextId(), organizationId: organization.id, ...by(origin), action: 'organization.created', targetType: 'organization', targetId: organization.id,
      after: { name, slug: free, ownerId: userId, ...(apiKey === null ? {} : { apiKeyId: apiKey.id }) }
    }
    return await queries.insertAccount(db, { user, organization, session, apiKey, audit, onlyFirst }) ? organization.id : null
  })
}

/** Runs `insert` with the slug, and with variants of it while another organization has it. Throws Conflict for a taken email address. */
export async function withFreeSlug<T> (slug: string, insert: (slug: string) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await insert(attempt === 1 ? slug : slugVariant(slug))
    } catch (error) {
      const constraint = violatedConstraint(error)
      if (constraint === 'users_email_key') throw Conflict('There is an account with this email address already. Log in instead.')
      if (constraint !== 'organizations_slug_key' || attempt === SLUG_ATTEMPTS) throw error
    }
  }
}

import { violatedConstraint } from '../../db/errors.ts'
import * as queries from '../../db/queries/sso-sign-in.ts'
import type { IdentityRow } from '../../db/queries/sso-sign-in.ts'
import { by, type Origin } from '../audit.ts'
import { demandPassword } from '../identity/demand-password.ts'
import type { IdentityDependencies } from '../identity/identity.ts'
import type { Sessions } from '../identity/sessions.ts'
import { NotFound } from '../problems.ts'
import { refuseChanged } from './current-provider.ts'
import { IdentityLinked, NotAdmitted } from './problems.ts'
import type { SignIn } from './sign-in.ts'

/** Who a person is at identity providers: tied by the person, who proves to be both. */
export interface Identities {
  list (userId: string, limit: number, before?: string): Promise<IdentityRow[]>
  /** Takes the code of a sign-in, and the password: from now on that sign-in is this person's, in the provider's organization. */
  link (userId: string, input: { code: string, codeVerifier: string, password: string }, origin: Origin): Promise<void>
  unlink (userId: string, id: string, origin: Origin): Promise<void>
}

export function createIdentities (dependencies: Pick<IdentityDependencies, 'db' | 'passwords' | 'nextId'>, signIn: Pick<SignIn, 'redeem'>, sessions: Pick<Sessions, 'forget'>): Identities {
  const { db, nextId } = dependencies
  return {
    list: async (userId, limit, before) => await queries.listIdentities(db, userId, limit, before),
    async link (userId, { code, codeVerifier, password }, origin) {
      await demandPassword(dependencies, userId, password)
      const { provider, claims } = await signIn.redeem(code, codeVerifier)
      const { id: providerId, organizationId } = provider
      const identityId = nextId()
      const audit = { id: nextId(), organizationId, ...by(origin), action: 'identity.linked', targetType: 'identity', targetId: identityId, after: { providerId, issuer: claims.issuer, subject: claims.subject } }
      try {
        if (await queries.linkIdentity(db, organizationId, userId, provider, identityId, claims, audit)) return
        await refuseChanged(db, provider)
        throw NotAdmitted('You do not belong to the organization of this provider. Ask for an invitation.')
      } catch (error) {
        throw violatedConstraint(error) === 'sso_identities_subject_key' ? IdentityLinked() : error
      }
    },
    async unlink (userId, id, origin) {
      const gone = await queries.deleteIdentity(db, userId, id, { id: nextId(), ...by(origin), action: 'identity.unlinked', targetType: 'identity', targetId: id })
      await sessions.forget(userId)
      if (!gone) throw NotFound('identity with this id')
    }
  }
}

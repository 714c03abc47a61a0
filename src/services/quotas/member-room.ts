import type { Executor } from '../../db/client.ts'
import { violatedConstraint } from '../../db/errors.ts'
import { findUsage, MEMBER_QUOTA } from '../../db/queries/quotas.ts'
import { MemberQuotaExceeded } from '../problems.ts'
import { monthOf } from './month.ts'

/** Throws MemberQuotaExceeded where nobody more can join. That somebody can is no promise: the database counts again when they do. */
export async function demandMemberRoom (db: Executor, organizationId: string): Promise<void> {
  const usage = await findUsage(db, organizationId, monthOf(0).first)
  if (usage === undefined || usage.members === null || usage.memberCount < usage.members) return
  throw MemberQuotaExceeded(usage.members, usage.memberCount)
}

/** Does what adds a member. Throws MemberQuotaExceeded. */
export async function ifMemberRoom<T> (db: Executor, organizationId: string, add: () => Promise<T>): Promise<T> {
  try {
    return await add()
  } catch (error) {
    if (violatedConstraint(error) === MEMBER_QUOTA) await demandMemberRoom(db, organizationId)
    throw error
  }
}

import type { Sql } from '../../db/client.ts'
import { findQuota, putQuota, type QuotaLimits } from '../../db/queries/quotas.ts'
import { by, SYSTEM } from '../audit.ts'

/** What is not named stays; null takes a limit away. */
export type QuotaChange = Partial<QuotaLimits>

const NONE: QuotaLimits = { executionsPerMonth: null, storedBytes: null, members: null, requestsPerMinute: null }

/** What counts for an organization; null: for all without a quota of their own. */
export async function readQuota (sql: Sql, organizationId: string | null): Promise<QuotaLimits> {
  return await findQuota(sql, organizationId) ?? (organizationId === null ? NONE : await readQuota(sql, null))
}

/** The operator's: there is no route that leads here. The organization finds it in its audit log. */
export async function setQuota ({ sql, nextId }: { sql: Sql, nextId: () => string }, organizationId: string | null, change: QuotaChange): Promise<void> {
  const before = await readQuota(sql, organizationId)
  const after = { ...before, ...change }
  const audit = organizationId === null
    ? undefined
    : { id: nextId(), organizationId, ...by(SYSTEM), action: 'quota.set', targetType: 'organization', targetId: organizationId, before, after }
  await putQuota(sql, organizationId, after, audit)
}

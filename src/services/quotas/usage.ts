import type { TenantDb } from '../../db/client.ts'
import { findUsage } from '../../db/queries/quotas.ts'
import { NotFound } from '../problems.ts'
import { monthOf } from './month.ts'

export interface UsageView {
  /** Within which executions are counted; RFC 3339. */
  readonly period: { readonly from: string, readonly to: string }
  readonly executions: { readonly used: number, readonly limit: number | null, readonly refused: number }
  readonly storedBytes: { readonly used: number, readonly limit: number | null, readonly measuredAt: string | null }
  readonly members: { readonly used: number, readonly limit: number | null }
  readonly requestsPerMinute: { readonly limit: number | null }
}

/** What an organization has of what it may have. Executions of the last second or two may be missing. */
export async function readUsage (db: TenantDb, now: number): Promise<UsageView> {
  const { first, begin, end } = monthOf(now)
  const row = await db.run(async tx => await findUsage(tx, db.organizationId, first))
  if (row === undefined) throw NotFound('organization with this id')
  return {
    period: { from: new Date(begin).toISOString(), to: new Date(end).toISOString() },
    executions: { used: row.executions, limit: row.executionsPerMonth, refused: row.refused },
    storedBytes: { used: row.bytes, limit: row.storedBytes, measuredAt: row.measuredAt === null ? null : new Date(row.measuredAt).toISOString() },
    members: { used: row.memberCount, limit: row.members },
    requestsPerMinute: { limit: row.requestsPerMinute }
  }
}

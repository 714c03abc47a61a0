import type { TenantDb } from '../db/client.ts'
import { listAudit, type AuditFilter, type AuditRow } from '../db/queries/audit-log-read.ts'

export type { AuditRow } from '../db/queries/audit-log-read.ts'

/** What happened in an organization, newest first. */
export interface AuditTrail {
  list (db: TenantDb, filter: AuditFilter): Promise<AuditRow[]>
  /** All that fits the filter, a page in memory at a time. */
  all (db: TenantDb, filter: Omit<AuditFilter, 'limit'>): AsyncGenerator<AuditRow>
}

const PAGE = 500

export const auditTrail: AuditTrail = {
  list,
  async * all (db, filter) {
    for (let before = filter.before; ;) {
      const page = await list(db, { ...filter, ...(before === undefined ? {} : { before }), limit: PAGE })
      yield * page
      if (page.length < PAGE) return
      before = page.at(-1)!.id
    }
  }
}

async function list (db: TenantDb, filter: AuditFilter): Promise<AuditRow[]> {
  return await db.run(async tx => await listAudit(tx, db.organizationId, filter))
}

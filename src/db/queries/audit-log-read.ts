import { and, desc, eq, gte, lt, sql } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import { auditLog } from '../schema/index.ts'

export interface AuditRow {
  readonly id: string
  readonly actorType: 'user' | 'apiKey' | 'system'
  readonly actorId: string | null
  readonly action: string
  readonly targetType: string
  readonly targetId: string
  readonly before: unknown
  readonly after: unknown
  readonly ip: string | null
  readonly requestId: string | null
  readonly at: Date
}

export interface AuditFilter {
  readonly actorType?: AuditRow['actorType']
  readonly actorId?: string
  /** The whole action, or with a dot at its end all that begin so: `member.`. */
  readonly action?: string
  readonly targetType?: string
  readonly targetId?: string
  /** Milliseconds since the epoch; `to` is exclusive. */
  readonly from?: number
  readonly to?: number
  readonly before?: string
  readonly limit: number
}

const columns = {
  id: auditLog.id,
  actorType: auditLog.actorType,
  actorId: auditLog.actorId,
  action: auditLog.action,
  targetType: auditLog.targetType,
  targetId: auditLog.targetId,
  before: auditLog.before,
  after: auditLog.after,
  ip: auditLog.ip,
  requestId: auditLog.requestId,
  at: auditLog.at
}

/** Newest first. */
export async function listAudit (db: Executor, organizationId: string, filter: AuditFilter): Promise<AuditRow[]> {
  const { actorType, actorId, action, targetType, targetId, from, to, before, limit } = filter
  return await db.select(columns).from(auditLog).where(and(
    eq(auditLog.organizationId, organizationId),
    actorType === undefined ? undefined : eq(auditLog.actorType, actorType),
    actorId === undefined ? undefined : eq(auditLog.actorId, actorId),
    action === undefined ? undefined : action.endsWith('.') ? sql`starts_with(${auditLog.action}, ${action})` : eq(auditLog.action, action),
    targetType === undefined ? undefined : eq(auditLog.targetType, targetType),
    targetId === undefined ? undefined : eq(auditLog.targetId, targetId),
    from === undefined ? undefined : gte(auditLog.at, new Date(from)),
    to === undefined ? undefined : lt(auditLog.at, new Date(to)),
    before === undefined ? undefined : lt(auditLog.id, before)
  )).orderBy(desc(auditLog.id)).limit(limit)
}

/** Removes what organizations no longer keep, in batches. Nobody may delete rows but by this function of the tables' owner. */
export async function pruneAuditLog (sql: Sql, batch = 5000): Promise<number> {
  for (let total = 0; ;) {
    const [row] = await sql<Array<{ gone: string }>>`select weconnect_prune_audit(${batch}) as gone`
    const gone = Number(row?.gone ?? 0)
    total += gone
    if (gone < batch) return total
  }
}

import type { TenantDb } from '../../db/client.ts'
import {
  cancelBulkOperation, findBulkOperation, insertBulkOperation, listBulkItems, listBulkOperations, type BulkFilter, type BulkItemRow, type BulkKind, type BulkOperationRow, type BulkOptions
} from '../../db/queries/bulk-operations.ts'
import { Conflict, NotFound } from '../problems.ts'
import { auditEntry, type Caller } from '../workflows/dependencies.ts'

export interface BulkOperations {
  create (caller: Caller, kind: BulkKind, filter: BulkFilter, options: BulkOptions): Promise<BulkOperationView>
  list (db: TenantDb, limit: number, before?: string): Promise<BulkOperationView[]>
  get (db: TenantDb, id: string): Promise<BulkOperationView>
  items (db: TenantDb, id: string, page: { failed: boolean, after: string | undefined, limit: number }): Promise<BulkItemRow[]>
  cancel (db: TenantDb, id: string): Promise<BulkOperationView>
}

export interface BulkOperationView {
  readonly id: string
  readonly kind: BulkKind
  readonly filter: Record<string, unknown>
  readonly options: BulkOptions
  readonly status: string
  readonly total: number
  readonly done: number
  readonly started: number
  readonly failed: number
  readonly createdAt: string
  readonly finishedAt: string | null
}

const MOST_RUNNING = 5
const WHAT = 'bulk operation with this id'

export function createBulkOperations ({ nextId }: { nextId: () => string }): BulkOperations {
  async function find (db: TenantDb, id: string): Promise<BulkOperationRow> {
    const row = await db.run(async tx => await findBulkOperation(tx, db.organizationId, id))
    if (row === undefined) throw NotFound(WHAT)
    return row
  }

  return {
    async create (caller, kind, filter, options) {
      const { db } = caller
      const id = nextId()
      const audit = auditEntry({ nextId }, caller, { action: `bulkOperation.${kind}`, targetType: 'bulkOperation', targetId: id, after: { filter, options } })
      const row = await db.run(async tx => await insertBulkOperation(tx, db.organizationId, id, kind, filter, options, MOST_RUNNING, audit))
      if (row === undefined) throw Conflict(`${MOST_RUNNING} bulk operations are running. Let one of them end, or cancel it.`)
      return viewOf(row)
    },
    list: async (db, limit, before) => (await db.run(async tx => await listBulkOperations(tx, db.organizationId, limit, before))).map(viewOf),
    get: async (db, id) => viewOf(await find(db, id)),
    async items (db, id, page) {
      await find(db, id)
      return await db.run(async tx => await listBulkItems(tx, db.organizationId, id, page))
    },
    async cancel (db, id) {
      await find(db, id)
      if (!await db.run(async tx => await cancelBulkOperation(tx, db.organizationId, id))) throw Conflict('The operation is over.')
      return viewOf(await find(db, id))
    }
  }
}

function viewOf ({ id, kind, filter: { from, to, ...filter }, options, status, total, started, failed, createdAt, finishedAt }: BulkOperationRow): BulkOperationView {
  const times = { ...(from === undefined ? {} : { from: new Date(from).toISOString() }), ...(to === undefined ? {} : { to: new Date(to).toISOString() }) }
  return { id, kind, filter: { ...filter, ...times }, options, status, total, done: started + failed, started, failed, createdAt, finishedAt }
}

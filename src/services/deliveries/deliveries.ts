import type { TenantDb } from '../../db/client.ts'
import { findDelivery, listDeliveries, type DeliveryDetails, type DeliveryFilter, type DeliveryRow } from '../../db/queries/deliveries.ts'
import { idTime } from '../../lib/ids.ts'
import type { ExecutionService } from '../executions/index.ts'
import { Conflict, NotFound } from '../problems.ts'
import { withoutSecrets } from './redact.ts'

export interface DeliveryView extends Pick<DeliveryRow, 'id' | 'status' | 'workflowId' | 'nodeId' | 'method' | 'path' | 'responseStatus' | 'code' | 'detail'> {
  readonly receivedAt: string
  readonly executionId: string | null
}

export interface DeliveryDetailsView extends DeliveryView {
  readonly query: string | null
  readonly headers: Record<string, string> | null
  readonly bodySize: number | null
  readonly address: string | null
}

export interface Deliveries {
  list (db: TenantDb, filter: DeliveryFilter): Promise<DeliveryView[]>
  get (db: TenantDb, id: string): Promise<DeliveryDetailsView>
  replay (db: TenantDb, id: string, version: 'same' | 'newest'): Promise<{ executionId: string }>
}

const WHAT = 'delivery with this id'

export function createDeliveries (executions: Pick<ExecutionService, 'replay'>): Deliveries {
  async function find (db: TenantDb, id: string): Promise<DeliveryDetails> {
    const row = await db.run(async tx => await findDelivery(tx, db.organizationId, id))
    if (row === undefined) throw NotFound(WHAT)
    return row
  }

  return {
    list: async (db, filter) => (await db.run(async tx => await listDeliveries(tx, db.organizationId, filter))).map(viewOf),
    async get (db, id) {
      const row = await find(db, id)
      const { query, headers, bodySize, address } = row
      return { ...viewOf(row), query, headers: headers === null ? null : withoutSecrets.headers(JSON.parse(headers) as Record<string, unknown>), bodySize, address }
    },
    async replay (db, id, version) {
      if ((await find(db, id)).status === 'refused') throw Conflict('It was refused, and its body was not kept. Only its sender can send it again.')
      return await executions.replay(db, id, version)
    }
  }
}

function viewOf ({ id, status, workflowId, nodeId, method, path, responseStatus, code, detail }: DeliveryRow): DeliveryView {
  return { id, receivedAt: new Date(idTime(id)).toISOString(), status, workflowId, nodeId, method, path, responseStatus, code, detail, executionId: status === 'accepted' ? id : null }
}

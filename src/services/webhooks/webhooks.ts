import type { TenantDb } from '../../db/client.ts'
import { findOrganization } from '../../db/queries/organizations.ts'
import { listWebhooks, type WebhookFilter, type WebhookRow } from '../../db/queries/webhook-counts.ts'
import { NotFound } from '../problems.ts'
import { describeWebhooks } from './describe-webhooks.ts'
import type { Tallies } from './tallies.ts'

/** A published endpoint as its organization sees it. */
export interface WebhookView {
  readonly id: string
  readonly url: string
  readonly method: string
  readonly path: string
  readonly workflowId: string
  readonly workflowName: string
  readonly version: number
  readonly nodeId: string
  readonly response: string
  /** Null: anyone may send. */
  readonly verification: { readonly preset: string, readonly credentialId: string | null } | null
  readonly allowIps: readonly string[] | null
  /** What came in within the days that are kept. */
  readonly counts: { readonly accepted: number, readonly duplicates: number, readonly refused: number, readonly lastAt: string | null }
  readonly publishedAt: string
}

export interface Webhooks {
  list (db: TenantDb, filter: WebhookFilter): Promise<WebhookView[]>
  /** The OpenAPI document of all that is published. */
  describe (db: TenantDb): Promise<object>
}

/** Of one document; those published last. */
const MAX_DESCRIBED = 1000

/** @param address where clients reach the service, without a slash at its end */
export function createWebhooks ({ tallies, address }: { tallies: Tallies, address: string }): Webhooks {
  return {
    async list (db, filter) {
      await tallies.flush()
      const [organization, rows] = await db.run(async tx => [await findOrganization(tx, db.organizationId), await listWebhooks(tx, db.organizationId, filter)] as const)
      return rows.map(row => viewOf(row, `${address}/hooks/${organization?.slug ?? ''}/${row.path}`))
    },
    async describe (db) {
      const [organization, rows] = await db.run(async tx => [await findOrganization(tx, db.organizationId), await listWebhooks(tx, db.organizationId, { limit: MAX_DESCRIBED })] as const)
      if (organization === undefined) throw NotFound('organization with this id')
      return describeWebhooks(address, organization, rows.reverse())
    }
  }
}

function viewOf ({ id, method, path, workflowId, workflowName, version, nodeId, parameters, createdAt, accepted, duplicates, refused, lastAt }: WebhookRow, url: string): WebhookView {
  const verify = parameters['verify'] as { preset: string, credentialId?: string } | undefined
  return {
    id,
    url,
    method,
    path,
    workflowId,
    workflowName,
    version,
    nodeId,
    response: String(parameters['response'] ?? 'immediate'),
    verification: verify === undefined ? null : { preset: verify.preset, credentialId: verify.credentialId ?? null },
    allowIps: (parameters['allowIps'] ?? null) as readonly string[] | null,
    counts: { accepted, duplicates, refused, lastAt },
    publishedAt: createdAt
  }
}

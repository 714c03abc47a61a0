import type { TenantDb } from '../../db/client.ts'
import type { AuditEntry } from '../../db/queries/audit-log.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import type { NodeRegistry } from '../../engine/nodes/registry.ts'
import type { Issue } from '../../engine/validate.ts'
import type { Clock } from '../../lib/ids.ts'
import { by, type Origin } from '../audit.ts'

export interface WorkflowDependencies {
  readonly registry: NodeRegistry
  /** The packages of node types that an organization has enabled, by name. */
  readonly packages: { enabled (db: TenantDb): Promise<ReadonlySet<string>> }
  /** What is wrong with the secrets that its webhooks verify requests with. */
  readonly checkSecrets: (organizationId: string, definition: WorkflowDefinition) => Promise<readonly Issue[]>
  readonly nextId: () => string
  /** Milliseconds since the epoch, as the database sees them. */
  readonly clock: Clock
  /** Called after the commit of whatever changes which version answers which webhook: caches may be stale. */
  readonly onPublicationChanged: (organizationId: string, workflowId: string) => void
}

/** Who asks, and the rows that exist for them. */
export interface Caller {
  readonly db: TenantDb
  readonly origin: Origin
}

export interface AuditedChange {
  readonly action: string
  readonly targetType: 'workflow' | 'variable' | 'credential' | 'nodePackage' | 'eventType' | 'eventSubscription' | 'bulkOperation' | 'poll' | 'ssoProvider'
  readonly targetId: string
  readonly before?: unknown
  readonly after?: unknown
}

export function auditEntry ({ nextId }: Pick<WorkflowDependencies, 'nextId'>, { db, origin }: Caller, change: AuditedChange): AuditEntry {
  return { id: nextId(), organizationId: db.organizationId, ...by(origin), ...change }
}

/** The person behind a change, where it is one. */
export function userOf ({ origin: { actor } }: Caller): string | null {
  return actor.type === 'user' ? actor.id : null
}

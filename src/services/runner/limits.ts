import type { Instant } from '../../engine/events.ts'
import type { SlotNeed } from '../../engine/limits.ts'
import type { Plan } from '../../engine/plan.ts'
import { triggerJson, type TriggerPayload } from '../../engine/trigger-payload.ts'
import type { Sql } from '../../db/client.ts'
import { admit, blockExecutions, findForgottenSlots, findScopesWithRoom, loadOrganizationFacts, releaseSlots, type LimitedExecution, type Scope } from '../../db/queries/concurrency.ts'
import { answered } from '../../lib/deadline.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'

/** How many executions may run at once: of a workflow, of a key, of an organization. PostgreSQL counts, not this process. */
export interface Limits {
  /** What the organization as a whole may run at once; as it was a few seconds ago. */
  ofOrganization (organizationId: string): Promise<number | null>
  /** Whether a published workflow waits for this event, the end of an execution; true where that was not asked lately. */
  isAwaited (organizationId: string, event: string): boolean
  /** What was published of the organization has changed. */
  forget (organizationId: string): void
  /** The slots that the execution must hold to run; empty where nothing limits it. Throws NodeError for a key that cannot be computed. */
  needsOf (execution: QueuedExecution, plan: Plan, organizationLimit: number | null): readonly SlotNeed[]
  /** Lets executions wait in line; those that can go are due at once. */
  block (executions: readonly LimitedExecution[], organizationId: string, held?: { readonly writer: string, readonly begun: boolean }): Promise<void>
  /** The execution is over, or waits: others may go. May be called where it is neither. */
  release (executionId: string): Promise<void>
  /** Finds what was left behind by processes that died between two steps. */
  sweep (): Promise<void>
}

export interface LimitsOptions {
  readonly sql: Sql
  readonly now: () => Instant
  /** They hold all the slots that they need, and are due. */
  readonly admitted: (executionIds: readonly string[], organizationId: string) => void
}

const LIMIT_LIFETIME = 5000
/** Until then what was asked before still holds, so that nothing is slower while it is asked anew. */
const ENDS_LIFETIME = 10_000
const LIMITS_KEPT = 10_000
/** Left-behind slots and scopes that a sweep sees to. */
const SWEPT_AT_ONCE = 200
const NONE: readonly SlotNeed[] = []

export function createLimits ({ sql, now, admitted }: LimitsOptions): Limits {
  const ofOrganizations = createExpiringCache<{ limit: number | null }>(LIMIT_LIFETIME, LIMITS_KEPT, now)

  const awaitedEnds = createExpiringCache<readonly string[]>(ENDS_LIFETIME, LIMITS_KEPT, now)

  /** From scope to scope, until none of those who could have a slot waits for one that is free. */
  async function admitTo (scopes: readonly Scope[]): Promise<void> {
    const waiting = [...scopes]
    for (let scope = waiting.pop(); scope !== undefined; scope = waiting.pop()) {
      const { organizationId } = scope
      const moved = await answered(admit(sql, scope))
      for (const next of new Set(moved.flatMap(({ blockedOn }) => blockedOn ?? []))) waiting.push({ organizationId, scope: next })
      const due = moved.filter(({ blockedOn }) => blockedOn === null).map(({ executionId }) => executionId)
      if (due.length > 0) admitted(due, organizationId)
    }
  }

  async function release (executionId: string): Promise<void> {
    await admitTo(await answered(releaseSlots(sql, executionId)))
  }

  return {
    async ofOrganization (organizationId) {
      const known = ofOrganizations.get(organizationId)
      if (known !== undefined) return known.limit
      const facts = await answered(loadOrganizationFacts(sql, organizationId))
      const { limit } = facts
      awaitedEnds.set(organizationId, facts.awaitedEnds)
      ofOrganizations.set(organizationId, { limit })
      return limit
    },
    isAwaited: (organizationId, event) => awaitedEnds.get(organizationId)?.includes(event) ?? true,
    forget (organizationId) {
      ofOrganizations.delete(organizationId)
      awaitedEnds.delete(organizationId)
    },
    needsOf ({ id, nodeId, trigger, payload }, plan, organizationLimit) {
      const ofWorkflow = plan.limits.needs?.(() => triggerJson(JSON.parse(payload) as TriggerPayload), { executionId: id, trigger, nodeId, now: now() }) ?? NONE
      return organizationLimit === null ? ofWorkflow : [...ofWorkflow, { scope: 'organization', kind: 'organization', limit: organizationLimit }]
    },
    async block (executions, organizationId, held) {
      await answered(blockExecutions(sql, executions, held?.writer ?? null, held?.begun === true ? 'waiting' : 'queued'))
      await admitTo([...new Set(executions.map(({ needs }) => needs[0]!.scope))].map(scope => ({ organizationId, scope })))
    },
    release,
    async sweep () {
      for (const executionId of await answered(findForgottenSlots(sql, SWEPT_AT_ONCE))) await release(executionId)
      await admitTo(await answered(findScopesWithRoom(sql, SWEPT_AT_ONCE)))
    }
  }
}

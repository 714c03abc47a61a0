import type { WorkflowDefinition } from '../engine/definition.ts'
import { compilePlan, type Plan } from '../engine/plan.ts'
import type { NodeRegistry } from '../engine/nodes/registry.ts'
import type { Sql } from '../db/client.ts'
import { loadDefinition } from '../db/queries/load-definition.ts'
import { QUERY_DEADLINE, withDeadline } from '../lib/deadline.ts'
import { LruCache } from '../lib/lru-cache.ts'

export interface Plans {
  /** The plan if it is in memory. */
  cached (workflowId: string, version: number): Plan | undefined
  /** Loads and compiles a version; undefined where it does not exist in the organization. */
  get (organizationId: string, workflowId: string, version: number): Promise<Plan | undefined>
}

const CACHED_PLANS = 1000

/** Versions are immutable, so a compiled plan is good for ever. */
export function createPlans (sql: Sql, registry: NodeRegistry): Plans {
  const plans = new LruCache<string, Plan>(CACHED_PLANS)
  const loading = new Map<string, Promise<Plan | undefined>>()

  async function load (organizationId: string, workflowId: string, version: number): Promise<Plan | undefined> {
    const found = await withDeadline(QUERY_DEADLINE, loadDefinition(sql, organizationId, workflowId, version))
    return found === undefined ? undefined : compilePlan({ workflowId, version, name: found.name, definition: found.definition as WorkflowDefinition }, registry)
  }

  return {
    cached: (workflowId, version) => plans.get(`${workflowId}:${version}`),
    async get (organizationId, workflowId, version) {
      // The organization is part of the look-up, not of the key: a plan in memory was found under its own one.
      const key = `${workflowId}:${version}`
      const known = plans.get(key)
      if (known !== undefined) return known
      let pending = loading.get(key)
      if (pending === undefined) {
        pending = load(organizationId, workflowId, version).finally(() => loading.delete(key))
        loading.set(key, pending)
      }
      const plan = await pending
      if (plan !== undefined) plans.set(key, plan)
      return plan
    }
  }
}

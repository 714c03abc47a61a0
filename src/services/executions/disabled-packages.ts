import type { Plan } from '../../engine/plan.ts'
import type { TenantDb } from '../../db/client.ts'
import type { InputError } from '../../lib/problem.ts'
import type { ExecutionDependencies } from './index.ts'

/** A draft may be older than the decision against a package. */
export async function disabledPackages (plan: Plan, packages: ExecutionDependencies['packages'], db: TenantDb): Promise<InputError[]> {
  const used = new Set(plan.nodes.flatMap(({ type }) => type.package?.name ?? []))
  if (used.size === 0) return []
  const enabled = await packages.enabled(db)
  return [...used].filter(name => !enabled.has(name)).map(name =>
    ({ pointer: '', message: `The workflow uses the node package ${JSON.stringify(name)}, which the organization has not enabled`, code: 'WC_NODE_PACKAGE_DISABLED' }))
}

import { decodeBeginning } from '../../engine/beginning.ts'
import type { Signal } from '../../engine/decide.ts'
import type { Plan } from '../../engine/plan.ts'
import type { Sql } from '../../db/client.ts'
import { loadBeginning } from '../../db/queries/beginnings.ts'
import { loadVariables } from '../../db/queries/load-definition.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { readOrigin } from '../../lib/execution-origin.ts'
import type { LargeValues } from '../files/large-values.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'

export const BEGIN = { type: 'begin' } as const

/** Whether anything must be read before the execution can begin. */
export function needsReading ({ origin }: QueuedExecution, { usesVars }: Plan): boolean {
  return usesVars || (origin !== '' && readOrigin(origin).prepared === true)
}

/** How an execution that nobody has begun begins. */
export async function beginSignal ({ sql, values }: { readonly sql: Sql, readonly values: LargeValues }, execution: QueuedExecution, plan: Plan): Promise<Signal> {
  if (!needsReading(execution, plan)) return BEGIN
  const { id, organizationId, workflowId, origin } = execution
  const [vars, beginning] = await withDeadline(QUERY_DEADLINE, Promise.all([
    plan.usesVars ? loadVariables(sql, organizationId, workflowId) : undefined,
    readOrigin(origin).prepared === true ? loadBeginning(sql, id) : undefined
  ]))
  const begin = { ...BEGIN, ...(vars === undefined ? {} : { vars }) }
  if (beginning === undefined) return begin
  const { partial, steps } = decodeBeginning(beginning)
  return { ...begin, beginning: { steps: await values.complete(organizationId, steps), ...(partial === undefined ? {} : { partial }) } }
}

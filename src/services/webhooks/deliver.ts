import type { NewExecution } from '../../db/queries/accept-executions.ts'
import type { JsonObject } from '../../engine/item.ts'
import type { TriggerFacts } from '../../engine/limits.ts'
import type { Claim } from '../accept-once.ts'
import type { Acceptance } from '../acceptance.ts'
import type { Endpoint } from './endpoints.ts'
import type { SignedRequest } from './verify/index.ts'

/** What a request, or a line of a batch, is made into. */
export interface Delivery {
  readonly execution: NewExecution
  /** Hexadecimal: what is equal in deliveries that are one */
  readonly keyHash: string | undefined
}

/**
 * What the content decides: whether it fits the schema, and what it is equal to. Throws InvalidInput.
 * @param text the trigger's item as JSON
 */
export function lookInto (request: Pick<SignedRequest, 'headers'>, { schema, deduplicate }: Endpoint, text: string, facts: TriggerFacts): string | undefined {
  let item: JsonObject | undefined
  const readItem = (): JsonObject => {
    item ??= JSON.parse(text) as JsonObject
    return item
  }
  schema?.(readItem(), text.length)
  return deduplicate?.hashOf(request, readItem, facts)
}

/** Resolves after the commit; undefined where the version is no longer published. */
export function deliver (acceptance: Acceptance, { deduplicate, tally }: Endpoint, { execution, keyHash }: Delivery): Promise<Claim | undefined> {
  if (keyHash === undefined || deduplicate === undefined) {
    return acceptance.accept(execution).then(accepted => {
      if (!accepted) return undefined
      tally.accepted++
      return { executionId: execution.id, duplicate: false }
    })
  }
  return acceptance.acceptOnce({ ...execution, keyHash, window: deduplicate.window }).then(claim => {
    if (claim?.duplicate === true) tally.duplicates++
    else if (claim !== undefined) tally.accepted++
    return claim
  })
}

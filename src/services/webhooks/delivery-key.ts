import { createHash } from 'node:crypto'
import { compileParameters } from '../../engine/expression/index.ts'
import type { JsonObject } from '../../engine/item.ts'
import { triggerScope, type TriggeredWorkflow, type TriggerFacts } from '../../engine/limits.ts'
import { NodeError } from '../../engine/node-error.ts'
import { DEFAULT_WINDOW, type Deduplicate } from '../../engine/nodes/webhook-deduplicate.ts'
import { canonicalText } from '../../lib/canonical-text.ts'
import { parseDuration } from '../../lib/duration.ts'
import { InvalidInput } from '../problems.ts'
import { headerOf, type SignedRequest } from './verify/signed-request.ts'

/** What makes deliveries equal. */
export interface DeliveryKey {
  /** Hexadecimal; undefined where the request equals no other. Throws InvalidInput where it cannot be told. */
  hashOf (request: Pick<SignedRequest, 'headers'>, readItem: () => JsonObject, facts: TriggerFacts): string | undefined
  /** milliseconds */
  readonly window: number
}

export function compileDeliveryKey ({ key, header, window = DEFAULT_WINDOW }: Deduplicate, workflow: TriggeredWorkflow): DeliveryKey {
  const value = header === undefined ? expressionOf(key ?? '', workflow) : (request: Pick<SignedRequest, 'headers'>) => headerOf(request, header.toLowerCase())
  return {
    window: parseDuration(window),
    hashOf (request, readItem, facts) {
      const found = value(request, readItem, facts)
      return found === undefined || found === null || found === '' ? undefined : createHash('sha256').update(canonicalText(found)).digest('hex')
    }
  }
}

function expressionOf (key: string, workflow: TriggeredWorkflow) {
  const compiled = compileParameters({ key })
  return (_request: Pick<SignedRequest, 'headers'>, readItem: () => JsonObject, facts: TriggerFacts): unknown => {
    try {
      return (compiled.evaluate(triggerScope(workflow, readItem(), facts)) as { key?: unknown }).key
    } catch (error) {
      if (!(error instanceof NodeError)) throw error
      throw InvalidInput([{ pointer: '', message: `The key that tells deliveries apart cannot be computed: ${error.message}`, code: 'WC_DEDUPLICATION_KEY' }])
    }
  }
}

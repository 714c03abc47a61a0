import { briefError } from '../brief.ts'
import type { OutputItem } from '../item.ts'
import { NodeError } from '../node-error.ts'
import { eachBounded } from './each-bounded.ts'
import { withItemIndex } from './http-errors.ts'
import type { NodeContext, NodeOutcome } from './node-type.ts'

/** For what must happen in the order of the items. */
export const ONE_AFTER_THE_OTHER = 1

/**
 * Does the work of each item, at most `limit` at once, and sends on what it makes, in the order of the items.
 *
 * Where the node's `onError` lets them, items that fail go on with `error` beside their data, and the others as if nothing
 * had happened: what was sent, written or mailed for them is done, and must not look like a failure. Where all fail, or the
 * node would be tried again for such an error, the step fails.
 */
export async function itemByItem (
  context: Pick<NodeContext<unknown>, 'items' | 'signal' | 'failedItemOutput'>, limit: number, work: (index: number, signal: AbortSignal) => Promise<readonly OutputItem[]>
): Promise<NodeOutcome> {
  const failures = new Map<number, { readonly output: string, readonly error: NodeError }>()
  const made = await eachBounded(context.items.length, limit, context.signal, async (index, signal) => {
    try {
      return await work(index, signal)
    } catch (error) {
      const named = withItemIndex(error, index)
      const output = named instanceof NodeError && !signal.aborted ? context.failedItemOutput(named) : undefined
      if (output === undefined) throw named
      failures.set(index, { output, error: named as NodeError })
      return []
    }
  })
  const first = failures.get(0)
  if (first !== undefined && failures.size === made.length) throw first.error
  const outputs: Record<string, OutputItem[]> = { main: [] }
  for (const [index, items] of made.entries()) {
    const failure = failures.get(index)
    if (failure === undefined) for (const item of items) outputs['main']!.push(item)
    else (outputs[failure.output] ??= []).push(failedItem(index, failure.error))
  }
  return { outputs }
}

function failedItem (from: number, error: NodeError): OutputItem {
  const { code, message } = briefError(error.toStepError())
  return { from, patch: { error: { code, message } } }
}

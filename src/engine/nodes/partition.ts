import type { OutputItem } from '../item.ts'
import { holds } from './conditions.ts'
import { withItemIndex } from './http-errors.ts'
import type { NodeContext } from './node-type.ts'

/** The items for which the condition holds, and the others, each unchanged and in order. */
export function partition (context: NodeContext<Parameters<typeof holds>[0]>): readonly [OutputItem[], OutputItem[]] {
  const holding: OutputItem[] = []
  const rest: OutputItem[] = []
  const { items, parameters } = context
  items.forEach((_item, index) => {
    try {
      const side = holds(parameters(index)) ? holding : rest
      side.push({ from: index })
    } catch (error) {
      throw withItemIndex(error, index)
    }
  })
  return [holding, rest]
}

import type { Item, OutputItem } from '../../item.ts'
import { withItemIndex } from '../http-errors.ts'
import type { NodeContext, NodeOutcome } from '../node-type.ts'
import { giveWay, SLICE } from '../slices.ts'

/**
 * One output item for each input item, with the parameters evaluated for it. Short work is done at once; long work
 * gives way every now and then, and ends when the step is aborted. Errors name the item.
 */
export function eachItem<P> (context: NodeContext<P>, work: (parameters: P, item: Item, index: number) => OutputItem): NodeOutcome | Promise<NodeOutcome> {
  const { items, parameters } = context
  const main: OutputItem[] = []

  function isDoneBy (end: number): boolean {
    while (main.length < items.length) {
      const index = main.length
      try {
        main.push(work(parameters(index), items[index]!, index))
      } catch (error) {
        throw withItemIndex(error, index)
      }
      if (performance.now() > end) return main.length === items.length
    }
    return true
  }

  async function goOn (): Promise<NodeOutcome> {
    do await giveWay(context.signal)
    while (!isDoneBy(performance.now() + SLICE))
    return { outputs: { main } }
  }

  return isDoneBy(performance.now() + SLICE) ? { outputs: { main } } : goOn()
}

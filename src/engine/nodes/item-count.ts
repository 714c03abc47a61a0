import { NodeError } from '../node-error.ts'

/** Two lists of a few thousand items make millions of pairs. */
const MAX_OUTPUT_ITEMS = 100_000

export function assertItemCount (count: number): void {
  if (count > MAX_OUTPUT_ITEMS) {
    throw new NodeError('WC_ITEMS_LIMIT', `This step makes more than ${MAX_OUTPUT_ITEMS} items`)
  }
}

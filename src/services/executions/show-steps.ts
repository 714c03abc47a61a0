import { viewOfItem, type Step } from '../../engine/steps.ts'
import type { Token } from '../../engine/state.ts'
import type { LoadedSteps } from './load-steps.ts'
import { instant } from './view.ts'

/** Characters of JSON that the items of one input or output may take, and those of all steps together. */
const PORT_BUDGET = 256 * 1024
const TOTAL_BUDGET = 4 * 1024 * 1024
const MOST_STEPS = 1000

export interface StepPage {
  /** JSON text of a list */
  readonly data: string
  readonly nextCursor: string | null
}

interface Budget {
  left: number
  truncated: boolean
}

/** Steps as clients see them, from the one at `start`, with as many of their items as fit; how many there are is always said. */
export function showSteps (executionId: string, { steps, hasItems }: LoadedSteps, start: number, limit = MOST_STEPS): StepPage {
  const budget: Budget = { left: TOTAL_BUDGET, truncated: false }
  const shown = steps.slice(start, start + limit).map(step => stepText(executionId, step, hasItems, budget))
  return { data: `[${shown.join(',')}]`, nextCursor: start + shown.length < steps.length ? String(start + shown.length) : null }
}

function stepText (executionId: string, { inputs, outputs, startedAt, finishedAt, ...step }: Step, hasItems: boolean, budget: Budget): string {
  budget.truncated = !hasItems
  const items = `"inputs":${portsText(inputs, budget)},"outputs":${portsText(outputs, budget)}`
  const { truncated } = budget
  const rest = JSON.stringify({
    ...step,
    startedAt: instant(startedAt),
    finishedAt: instant(finishedAt),
    itemCounts: { inputs: counts(inputs), outputs: counts(outputs) },
    truncated,
    itemsPath: truncated && hasItems ? `/v1/executions/${executionId}/steps/${step.nodeId}/items?run=${step.run}` : null
  })
  return `${rest.slice(0, -1)},${items}}`
}

function portsText (ports: Readonly<Record<string, Token>>, budget: Budget): string {
  return `{${Object.keys(ports).map(name => `${JSON.stringify(name)}:${itemsText(ports[name]!, budget)}`).join(',')}}`
}

/** The first items, as long as they fit. */
function itemsText (items: Token, budget: Budget): string {
  const texts: string[] = []
  let left = Math.min(PORT_BUDGET, budget.left)
  for (const item of items) {
    const text = JSON.stringify(viewOfItem(item))
    left -= text.length
    if (left < 0) {
      budget.truncated = true
      break
    }
    budget.left -= text.length
    texts.push(text)
  }
  return `[${texts.join(',')}]`
}

function counts (ports: Readonly<Record<string, Token>>): Record<string, number> {
  return Object.fromEntries(Object.entries(ports).map(([name, items]) => [name, items.length]))
}

/** A page of items as JSON text; at least one, however large. */
export function showItems (items: Token, start: number, limit: number): StepPage {
  const texts: string[] = []
  let size = 0
  for (const item of items.slice(start, start + limit)) {
    const text = JSON.stringify(viewOfItem(item))
    if (texts.length > 0 && size + text.length > TOTAL_BUDGET) break
    size += text.length
    texts.push(text)
  }
  const end = start + texts.length
  return { data: `[${texts.join(',')}]`, nextCursor: end < items.length ? String(end) : null }
}

import type { Event } from '../../engine/events.ts'
import type { Plan } from '../../engine/plan.ts'
import { foldSteps, type Step } from '../../engine/steps.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import { storedSize, type LargeValues } from '../files/large-values.ts'
import { Overloaded } from '../problems.ts'

export interface StepHistory {
  readonly nodeId: string
  readonly payload: string
  /** JSON texts of the segments' events */
  readonly segments: readonly string[]
}

export interface LoadedSteps {
  readonly steps: readonly Step[]
  /** False where the execution holds more than can be shown: then no step has items. */
  readonly hasItems: boolean
}

export interface StepLoader {
  /**
   * Folds the steps of an execution and gives them to `use`, while it holds their items. Throws StorageError, FileMissing, and a
   * Problem 503 where too many wait for theirs.
   */
  withSteps<T> (organizationId: string, plan: Plan, history: StepHistory, use: (loaded: LoadedSteps) => T): Promise<T>
}

/** Bytes of stored JSON that are brought into memory to show one execution; it takes about ten times as many. */
const LARGEST_SHOWN = 64 * 1024 * 1024
const MOST_WAITING = 20

/** Of executions with large values one at a time is in memory, whoever wants to see them. */
export function createStepLoader (values: LargeValues): StepLoader {
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = 0

  async function inTurn<T> (work: () => Promise<T>): Promise<T> {
    if (waiting >= MOST_WAITING) throw Overloaded(2)
    waiting++
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return await result.finally(() => { waiting-- })
  }

  return {
    async withSteps (organizationId, plan, { nodeId, payload, segments }, use) {
      const events = segments.flatMap(segment => decodeEvents(JSON.parse(segment)))
      const size = storedSize(payload, events)
      if (size === 0) return use({ steps: foldSteps(plan, nodeId, JSON.parse(payload), events).steps, hasItems: true })
      if (size > LARGEST_SHOWN) return use({ steps: foldSteps(plan, nodeId, {}, events.map(withoutItems)).steps, hasItems: false })
      return await inTurn(async () => {
        const complete = await values.complete(organizationId, events)
        return use({ steps: foldSteps(plan, nodeId, await values.payload(organizationId, payload), complete).steps, hasItems: true })
      })
    }
  }
}

function withoutItems (event: Event): Event {
  if (!('stored' in event) || event.stored === undefined) return event
  const { stored: _stored, ...rest } = event
  return (event.type === 'step.waiting' ? rest : { ...rest, outputs: {} }) as Event
}

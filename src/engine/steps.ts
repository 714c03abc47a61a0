import type { Event, Instant } from './events.ts'
import type { Item } from './item.ts'
import type { StepError } from './node-error.ts'
import { byOutput } from './outputs-by-name.ts'
import type { Plan } from './plan.ts'
import { apply, initialState, type State, type Token } from './state.ts'
import type { TriggerPayload } from './trigger-payload.ts'

export type StepStatus = 'running' | 'waiting' | 'succeeded' | 'failed' | 'skipped' | 'cancelled'

/** What people see of an item. */
export type ItemView = Pick<Item, 'json' | 'binary'>

/** A step as people see it: one run of a node, with its latest attempt. */
export interface Step {
  readonly nodeId: string
  readonly run: number
  attempt: number
  status: StepStatus
  startedAt: Instant | null
  finishedAt: Instant | null
  /** Items by input name. */
  inputs: Readonly<Record<string, Token>>
  /** Items by output name. */
  outputs: Readonly<Record<string, Token>>
  error: StepError | null
}

/** An execution's events, folded: its state and its steps in the order in which they began. */
export function foldSteps (plan: Plan, triggerId: string, payload: TriggerPayload, events: readonly Event[]): { state: State, steps: Step[] } {
  const state = initialState(plan, triggerId, payload)
  const steps = new Map<string, Step>()
  for (const event of events) {
    apply(plan, state, event)
    if (event.type.startsWith('step.')) follow(plan, state, event, steps)
  }
  const over = state.status !== 'running' && state.status !== 'waiting' && state.status !== 'queued'
  for (const step of steps.values()) {
    // What still ran when the execution ended was aborted with it, by its last event.
    if (!over || (step.status !== 'running' && step.status !== 'waiting')) continue
    step.status = 'cancelled'
    step.finishedAt = events.at(-1)?.at ?? null
  }
  return { state, steps: [...steps.values()] }
}

function follow (plan: Plan, state: State, event: Event, steps: Map<string, Step>): void {
  if (!('attempt' in event)) return
  const node = plan.byId.get(event.nodeId)!
  const at = state.nodes[node.index]!
  const key = `${event.nodeId}:${event.run}`
  const step = steps.get(key) ?? { nodeId: event.nodeId, run: event.run, attempt: event.attempt, status: 'running', startedAt: null, finishedAt: null, inputs: {}, outputs: {}, error: null }
  steps.set(key, step)
  step.attempt = event.attempt
  switch (event.type) {
    case 'step.started':
      step.status = 'running'
      step.startedAt ??= event.at
      step.inputs = byInput(node.inputs, at.current?.inputs ?? [])
      return
    case 'step.retrying':
      step.status = 'waiting'
      step.error = event.error
      return
    case 'step.waiting':
      step.status = 'waiting'
      return
    case 'step.succeeded':
    case 'step.failed':
      step.status = event.type === 'step.succeeded' ? 'succeeded' : 'failed'
      step.finishedAt = event.at
      step.outputs = byOutput(node, at.results[event.run] ?? [])
      step.error = event.type === 'step.failed' ? event.error : null
      return
    case 'step.skipped':
      step.status = 'skipped'
  }
}

function byInput (names: readonly string[], inputs: readonly Token[]): Step['inputs'] {
  return Object.fromEntries(names.map((name, index) => [name, inputs[index] ?? []]))
}

export function viewOfItem ({ json, binary }: Item): ItemView {
  return binary === undefined ? { json } : { json, binary }
}

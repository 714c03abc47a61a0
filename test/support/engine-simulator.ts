import { Type } from '@sinclair/typebox'
import { decide, type Command, type Decision, type Signal } from '../../src/engine/decide.ts'
import type { Connection, WorkflowNode, WorkflowSettings } from '../../src/engine/definition.ts'
import type { Event, Instant } from '../../src/engine/events.ts'
import type { JsonObject, OutputItem } from '../../src/engine/item.ts'
import type { StepError } from '../../src/engine/node-error.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { defineNode, type Effects, type NodeOutcome, type NodeType } from '../../src/engine/nodes/node-type.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { compilePlan, type Plan } from '../../src/engine/plan.ts'
import { apply, initialState, isTerminal, type State, type Token } from '../../src/engine/state.ts'
import { byOutput } from '../../src/engine/outputs-by-name.ts'
import type { Incoming, Wait } from '../../src/engine/wait.ts'

export type RunStep = Extract<Command, { type: 'runStep' }>
export type ResumeStep = Extract<Command, { type: 'resumeStep' }>

/** A node whose ports are its parameters `inputs` and `outputs`; what it answers is the test's business. */
function blank (effects: Effects): NodeType {
  const names = (given: unknown): readonly string[] => Array.isArray(given) ? given.map(String) : ['main']
  return defineNode({
    type: effects,
    title: effects,
    description: 'A step whose result the test decides.',
    icon: 'box',
    category: 'flow',
    effects,
    parameters: Type.Object({}),
    inputs: parameters => names(parameters['inputs']),
    outputs: parameters => names(parameters['outputs']),
    run: () => ({ outputs: {} })
  })
}

export const testRegistry = new NodeRegistry([...builtinNodes, blank('none'), blank('idempotent'), blank('once')])

/** Connections as text: `a -> b`, `a.true -> b`, `a -> b.left`. */
export function planOf (nodes: readonly WorkflowNode[], links: readonly string[], settings: WorkflowSettings = {}): Plan {
  const connections = links.map((link): Connection => {
    const [[from, output], [to, input]] = link.split('->').map(end => end.trim().split('.')) as [[string, string?], [string, string?]]
    return { from, to, ...(output === undefined ? {} : { output }), ...(input === undefined ? {} : { input }) }
  })
  return compilePlan({ workflowId: 'workflow', version: 1, name: 'Test', definition: { nodes: [...nodes], connections, settings } }, testRegistry)
}

export const start: WorkflowNode = { id: 'start', type: 'manual' }

export function node (id: string, rest: Partial<WorkflowNode> = {}): WorkflowNode {
  return { id, type: 'none', ...rest }
}

/** One execution under a clock of its own, driven signal by signal. */
export class Simulation {
  readonly plan: Plan
  readonly payload: JsonObject
  readonly events: Event[] = []
  state: State
  now: Instant = 1000
  /** Steps that were commanded and have not been reported. */
  running: RunStep[] = []
  /** Waiting steps whose node type was asked what follows. */
  asked: ResumeStep[] = []
  /** Waits whose answers would come too late, as `node:run`. */
  closed: string[] = []
  timerAt: Instant | undefined
  finished = 0
  answers: unknown[] = []

  constructor (plan: Plan, payload: JsonObject = {}) {
    this.plan = plan
    this.payload = payload
    this.state = initialState(plan, 'start', payload)
  }

  signal (signal: Signal): Decision {
    const decision = decide(this.plan, this.state, signal, this.now)
    for (const event of decision.events) this.events.push(event)
    for (const command of decision.commands) {
      if (command.type === 'runStep') this.running.push(command)
      else if (command.type === 'resumeStep') this.asked.push(command)
      else if (command.type === 'closeWait') this.closed.push(`${command.nodeId}:${command.run}`)
      else if (command.type === 'startTimer') this.timerAt = command.at
      else if (command.type === 'respond') this.answers.push(command.answer)
      else if (command.type === 'finish') this.finished++
    }
    return decision
  }

  begin (): this {
    this.signal({ type: 'begin' })
    return this
  }

  #take (nodeId: string): RunStep {
    const index = this.running.findIndex(step => step.node.id === nodeId)
    if (index < 0) throw new Error(`${nodeId} does not run; ${this.names().join(', ')} do`)
    return this.running.splice(index, 1)[0]!
  }

  /** The step ends well; by default each of its items goes on, out of its first output. */
  succeed (nodeId: string, outputs?: NodeOutcome['outputs'], answer?: NodeOutcome['answer']): Decision {
    const { node: { id, outputs: names }, run, attempt, inputs } = this.#take(nodeId)
    const passed: OutputItem[] = inputs.flat().map((_, from) => ({ from }))
    const outcome = { outputs: outputs ?? { [names[0]!]: passed }, ...(answer === undefined ? {} : { answer }) }
    return this.signal({ type: 'stepSucceeded', nodeId: id, run, attempt, outcome })
  }

  fail (nodeId: string, error: Partial<StepError> = {}): Decision {
    const { node: { id }, run, attempt } = this.#take(nodeId)
    return this.signal({ type: 'stepFailed', nodeId: id, run, attempt, error: { code: 'WC_TEST', message: 'It failed', ...error } })
  }

  /** The step waits from now on. */
  suspend (nodeId: string, wait: Wait): Decision {
    const { node: { id }, run, attempt } = this.#take(nodeId)
    return this.signal({ type: 'stepSuspended', nodeId: id, run, attempt, wait })
  }

  tell (message: Incoming): Decision {
    return this.signal({ type: 'message', message })
  }

  /** The node type's answer for the step that was asked first: it ends well, or waits for something else. */
  follow (result: { outputs: NodeOutcome['outputs'] } | Wait): Decision {
    const step = this.asked.shift()
    if (step === undefined) throw new Error('No waiting step was asked')
    const place = { nodeId: step.node.id, run: step.run, attempt: step.attempt }
    return 'outputs' in result
      ? this.signal({ type: 'stepSucceeded', ...place, outcome: result })
      : this.signal({ type: 'stepSuspended', ...place, wait: result })
  }

  due (at = this.timerAt): Decision {
    this.now = at ?? this.now
    return this.signal({ type: 'timerDue' })
  }

  /** The process dies: what was recorded up to `kept` events is all that another one knows. */
  crash (kept = this.events.length): void {
    this.events.length = kept
    this.running = []
    this.asked = []
    this.timerAt = undefined
    this.state = fold(this.plan, this.payload, this.events)
    this.signal(this.state.status === 'queued' ? { type: 'begin' } : { type: 'resume' })
  }

  get isOver (): boolean {
    return isTerminal(this.state)
  }

  /** The nodes that run now, in the order in which they were started. */
  names (): string[] {
    return this.running.map(step => step.node.id)
  }

  inputsOf (nodeId: string): readonly Token[] {
    return this.running.find(step => step.node.id === nodeId)!.inputs
  }

  results (nodeId: string): readonly Readonly<Record<string, Token>>[] {
    const node = this.plan.byId.get(nodeId)!
    return this.state.nodes[node.index]!.results.map(sent => byOutput(node, sent))
  }

  types (): string[] {
    return this.events.map(event => 'nodeId' in event && event.nodeId !== undefined ? `${event.type} ${event.nodeId}` : event.type)
  }
}

export function fold (plan: Plan, payload: JsonObject, events: readonly Event[]): State {
  const state = initialState(plan, 'start', payload)
  for (const event of events) apply(plan, state, event)
  return state
}

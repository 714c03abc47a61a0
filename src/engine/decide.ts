import { pinnedOutputs } from './beginning.ts'
import type { ChildStart } from './children.ts'
import { dueAt, earliestDue } from './due.ts'
import type { Event, Instant, StepEvent } from './events.ts'
import type { NodeOutcome } from './nodes/node-type.ts'
import type { Plan, PlanNode } from './plan.ts'
import { apply, closeOutputs, isTerminal, type RunState, type State } from './state.ts'
import { isTurning, nextOutputs } from './loop-state.ts'
import { stepTimeout, type StepError } from './node-error.ts'
import { nextMove } from './next-move.ts'
import { retryAt } from './retry.ts'
import { appended, NONE } from './short-list.ts'
import type { Command, Signal } from './signals.ts'
import { answers, isAnsweredOutside, LAST_INSTANT, type Incoming, type Resumption } from './wait.ts'

export type { Command, Signal } from './signals.ts'

export interface Decision {
  readonly state: State
  /** To be recorded, in this order; already folded into the state. */
  readonly events: readonly Event[]
  readonly commands: readonly Command[]
}

/**
 * The engine: what follows from what happened. Pure: no clock, no I/O; `state` is taken over and changed in place.
 * @param now milliseconds since the epoch
 * @param events what was decided before, if that is to be recorded together: these come behind
 */
export function decide (plan: Plan, state: State, signal: Signal, now: Instant, events: Event[] = []): Decision {
  const decision = new Deciding(plan, state, now, events)
  decision.take(signal)
  return decision
}

/** Of one node in one execution. */
const MAX_RUNS = 100_000

class Deciding implements Decision {
  readonly state: State
  readonly events: Event[]
  commands: readonly Command[] = NONE
  readonly #plan: Plan
  readonly #now: Instant
  /** Nodes whose waiting step goes on: what follows is known once its node type has been asked. */
  #asked: Set<PlanNode> | undefined

  constructor (plan: Plan, state: State, now: Instant, events: Event[]) {
    this.state = state
    this.events = events
    this.#plan = plan
    this.#now = now
  }

  take (signal: Signal): void {
    if (isTerminal(this.state)) return
    this.#react(signal)
    if (isTerminal(this.state)) this.#command({ type: 'finish' })
    else this.#settle()
  }

  #react (signal: Signal): void {
    switch (signal.type) {
      case 'begin':
        return this.#begin(signal)
      case 'resume':
        this.#resume()
        for (const message of signal.mail ?? []) this.#message(message)
        return
      case 'stepSucceeded':
        return this.#stepSucceeded(signal.nodeId, signal.run, signal.attempt, signal.outcome)
      case 'stepFailed':
        return this.#stepFailed(this.#node(signal.nodeId), signal.run, signal.attempt, signal.error)
      case 'stepSuspended':
        return this.#stepSuspended(this.#node(signal.nodeId), signal)
      case 'message':
        return this.#message(signal.message)
      case 'timerDue':
        // What is due starts with every decision.
        return
      case 'cancel':
        return this.#record({ type: 'execution.cancelled', at: this.#now, ...(signal.reason === undefined ? {} : { reason: signal.reason }) })
    }
  }

  #begin ({ vars, beginning }: Extract<Signal, { type: 'begin' }>): void {
    const partial = beginning?.partial
    const started = { type: 'execution.started', at: this.#now } as const
    this.#record(vars === undefined && partial === undefined ? started : { ...started, ...(vars === undefined ? {} : { vars }), ...(partial === undefined ? {} : { partial }) })
    if (beginning !== undefined) for (const event of beginning.steps) this.#record(event)
  }

  #record (event: Event): void {
    apply(this.#plan, this.state, event)
    this.events.push(event)
  }

  #command (command: Command): void {
    this.commands = appended(this.commands, command)
  }

  /** Whatever a step does ends the waiting of its execution. */
  #recordStep (event: StepEvent): void {
    const { current } = this.state.nodes[this.#node(event.nodeId).index]!
    if (current?.status === 'suspended' && isAnsweredOutside(current.wait) && (event.type === 'step.succeeded' || event.type === 'step.failed')) {
      this.#command({ type: 'closeWait', nodeId: event.nodeId, run: event.run })
    }
    // A step succeeds when all of them have ended: the last by what it was just told.
    if (current?.status === 'suspended' && current.children !== undefined && (event.type === 'step.failed' || event.type === 'step.retrying')) {
      this.#command({ type: 'cancelChildren', executionIds: [...current.children.open.values()] })
    }
    if (this.state.status === 'waiting' && event.type !== 'step.waiting') this.#record({ type: 'execution.resumed', at: this.#now })
    this.#record(event)
  }

  #node (id: string): PlanNode {
    const node = this.#plan.byId.get(id)
    if (node === undefined) throw new Error(`No node ${id} in version ${this.#plan.version} of ${this.#plan.workflowId}`)
    return node
  }

  #stepSucceeded (nodeId: string, run: number, attempt: number, { outputs, answer, start }: NodeOutcome): void {
    if (this.#currentRun(this.#node(nodeId), run, attempt) === undefined) return
    const succeeded = { type: 'step.succeeded', nodeId, run, attempt, at: this.#now, outputs } as const
    if (answer === undefined) this.#recordStep(succeeded)
    else {
      this.#recordStep({ ...succeeded, answer })
      this.#command({ type: 'respond', answer })
    }
    this.#startChildren(nodeId, run, start)
  }

  #stepFailed (node: PlanNode, run: number, attempt: number, error: StepError): void {
    const current = this.#currentRun(node, run, attempt)
    if (current === undefined) return
    const step = { nodeId: node.id, run, attempt, at: this.#now, error }
    const until = retryAt(node.retry, { failures: current.failures + 1, since: current.since, key: `${this.state.executionId}:${node.id}:${run}` }, error, this.#now)
    if (until !== undefined) return this.#recordStep({ type: 'step.retrying', ...step, until })
    if (node.onError === 'stop') return this.#recordStep({ type: 'step.failed', ...step })
    const output = node.onError === 'continue' ? node.through : node.outputs.at(-1)
    const items = current.inputs.flat().map((_, from) => ({ from, patch: { error: { code: error.code, message: error.message } } }))
    this.#recordStep({ type: 'step.failed', ...step, outputs: output === undefined ? {} : { [output]: items } })
  }

  /** The run that a report is about, unless the report comes from an attempt that was given up. */
  #currentRun (node: PlanNode, run: number, attempt: number): RunState | undefined {
    const current = this.state.nodes[node.index]!.current
    return current !== undefined && current.status !== 'waiting' && current.run === run && current.attempt === attempt ? current : undefined
  }

  #startChildren (nodeId: string, run: number, children: readonly ChildStart[] | undefined): void {
    if (children !== undefined && children.length > 0) this.#command({ type: 'startChildren', nodeId, run, children })
  }

  #stepSuspended (node: PlanNode, { run, attempt, wait, start }: Extract<Signal, { type: 'stepSuspended' }>): void {
    const current = this.#currentRun(node, run, attempt)
    if (current === undefined) return
    const expires = current.status === 'suspended' ? current.expires : node.timeout === undefined ? undefined : Math.min(LAST_INSTANT, this.#now + node.timeout)
    this.#recordStep({ type: 'step.waiting', nodeId: node.id, run, attempt, at: this.#now, wait, ...(expires === undefined ? {} : { expires }) })
    this.#startChildren(node.id, run, start)
  }

  #message (message: Incoming): void {
    const node = this.#plan.byId.get(message.nodeId)
    const current = node === undefined ? undefined : this.state.nodes[node.index]!.current
    if (node === undefined || current?.status !== 'suspended' || current.run !== message.run || !answers(message, current)) return
    // One at a time: what follows depends on what followed before. The others are said again.
    if (this.#asked?.has(node) === true) return
    this.#ask(node, { kind: 'message', wait: current.wait, message, children: current.children })
  }

  #ask (node: PlanNode, resumption: Resumption): void {
    const { run, attempt, inputs } = this.state.nodes[node.index]!.current!
    this.#asked = (this.#asked ?? new Set()).add(node)
    this.#command({ type: 'resumeStep', node, run, attempt, inputs, resumption })
  }

  /**
   * Steps that were running when their runner went away run again, unless that might repeat an effect that must not be.
   * A runner that gave its work back in good order is no exception: it may have cut the step off behind its effect.
   */
  #resume (): void {
    for (const node of this.#plan.nodes) {
      const current = this.state.nodes[node.index]!.current
      if (current?.status !== 'running') continue
      if (node.effects === 'once') {
        this.#stepFailed(node, current.run, current.attempt, {
          code: 'WC_STEP_INTERRUPTED',
          message: 'The worker went away while this step ran. Whether its effect happened is unknown, and it may happen once only.',
          // A retry rule of the node's own says that the effect may be repeated.
          retryable: true
        })
      } else {
        this.#start(node, current.run, current.attempt + 1)
      }
    }
  }

  #startDue (): void {
    if (this.state.waits === 0) return
    for (const node of this.#plan.nodes) {
      const { current } = this.state.nodes[node.index]!
      if (current === undefined || this.#asked?.has(node) === true || dueAt(current) > this.#now) continue
      if (current.status !== 'suspended') this.#start(node, current.run, current.attempt + 1)
      else if ((current.expires ?? Infinity) < (current.wait.until ?? Infinity)) this.#stepFailed(node, current.run, current.attempt, stepTimeout(node.timeout))
      else this.#ask(node, { kind: 'timeUp', wait: current.wait, children: current.children })
    }
  }

  #start (node: PlanNode, run: number, attempt: number): void {
    if (run >= MAX_RUNS) return this.#endEndless(node)
    this.#recordStep({ type: 'step.started', nodeId: node.id, run, attempt, at: this.#now })
    const { current, loop } = this.state.nodes[node.index]!
    if (isTurning(loop)) {
      return this.#recordStep({ type: 'step.succeeded', nodeId: node.id, run, attempt, at: this.#now, outputs: nextOutputs(loop) })
    }
    const { inputs } = current!
    const { partial } = this.state
    const outputs = partial === undefined ? undefined : pinnedOutputs(partial, node, inputs)
    if (outputs !== undefined) return this.#recordStep({ type: 'step.succeeded', nodeId: node.id, run, attempt, at: this.#now, outputs })
    this.#command({ type: 'runStep', node, run, attempt, inputs })
  }

  /** Lets every node that can move do so, in plan order, until none can; then sees what is left. */
  #settle (): void {
    const { state } = this
    if (this.#isFailed()) return
    if (this.#isOverdue()) return this.#end({ type: 'execution.timedOut', at: this.#now, error: { code: 'WC_EXECUTION_TIMEOUT', message: 'The execution ran longer than settings.timeout allows.' } })
    this.#startDue()
    if (this.#isFailed()) return
    while (state.firstDirty < this.#plan.nodes.length) {
      const index = state.firstDirty++
      const node = state.nodes[index]!
      if (!node.dirty) continue
      node.dirty = false
      this.#move(this.#plan.nodes[index]!)
    }
    if (isTerminal(state)) return
    if (state.active === 0) return this.#end({ type: 'execution.succeeded', at: this.#now })
    // What follows for those that were asked comes with the next decision.
    if (state.waits > 0 && this.#asked === undefined) this.#startTimer()
  }

  #isFailed (): boolean {
    const { fatal } = this.state
    if (fatal !== undefined) this.#end({ type: 'execution.failed', at: this.#now, error: fatal })
    return fatal !== undefined
  }

  /** No data makes this many runs by design: the workflow goes around for ever, or would fill the disk. */
  #endEndless (node: PlanNode): void {
    // Nothing further moves.
    this.state.firstDirty = this.#plan.nodes.length
    const message = `The node ran ${MAX_RUNS} times, which is as often as a node may run in one execution. Larger batches need fewer runs.`
    this.#end({ type: 'execution.failed', at: this.#now, error: { code: 'WC_LOOP_LIMIT', message, nodeId: node.id } })
  }

  #end (event: Event): void {
    this.#record(event)
    this.#command({ type: 'finish' })
  }

  #isOverdue (): boolean {
    const { state } = this
    const { timeout } = this.#plan
    if (timeout === undefined || state.startedAt === undefined || state.waitingSince !== undefined) return false
    return this.#now - state.startedAt - state.waitedFor >= timeout
  }

  #move (node: PlanNode): void {
    const at = this.state.nodes[node.index]!
    if (at.current !== undefined) return
    if (this.state.only?.[node.index] === 0) return at.finished ? undefined : closeOutputs(this.state, node)
    // Where an execution starts in a body, its loops take no part.
    if (node.scope !== -1 && node.index !== this.state.trigger && this.state.nodes[node.outermost]!.finished) return this.#skip(node)
    if (at.finished) return
    const next = nextMove(this.state, node, at)
    if (next === 'start') return this.#start(node, at.runs, 1)
    if (next === 'blocked') return
    // In a loop's body another iteration may reach it yet.
    if (node.scope === -1) this.#skip(node)
    if (!at.finished) closeOutputs(this.state, node)
  }

  /** Records of a node that nothing can reach any more that it never ran. */
  #skip (node: PlanNode): void {
    const at = this.state.nodes[node.index]!
    if (at.runs > 0 || at.skipped || this.#plan.reachableFrom(this.state.trigger)[node.index] === 0) return
    this.#recordStep({ type: 'step.skipped', nodeId: node.id, run: 0, attempt: 1, at: this.#now })
  }

  /** Calls back for the earliest wait. When nothing else is left, the execution waits and needs no worker. */
  #startTimer (): void {
    const { state } = this
    if (state.waits === state.active && state.status !== 'waiting') this.#record({ type: 'execution.waiting', at: this.#now })
    this.#command({ type: 'startTimer', at: earliestDue(state) })
  }
}

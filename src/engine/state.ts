import { applyChildren, type Children } from './children.ts'
import { terminalStatusOf, type Event, type ExecutionStatus, type ExecutionError, type Instant, type Outputs, type PartialRun, type StepEvent } from './events.ts'
import type { GivenItem, Item } from './item.ts'
import { endList, initialLoop, isTurning, loopSources, takeReturned, turn, type LoopState } from './loop-state.ts'
import { LOOP } from './loop-structure.ts'
import { materialize } from './materialize.ts'
import type { HttpAnswer } from './nodes/node-type.ts'
import type { Plan, PlanNode } from './plan.ts'
import { appended, NONE } from './short-list.ts'
import { triggerItem, type TriggerPayload } from './trigger-payload.ts'
import type { Wait } from './wait.ts'

/** What one run of a node sent along a connection. Never empty: a branch not taken sends nothing. */
export type Token = readonly Item[]

/**
 * A connection is a queue that is closed when nothing more can come: the close is the dead token of a
 * branch not taken, and what a merge waits for. One mark closes a connection, whatever ran before it, so
 * a ladder of branches costs what its connections cost and not what its paths would.
 */
export interface EdgeState {
  tokens: readonly Token[]
  /** Tokens taken so far. */
  taken: number
  closed: boolean
}

interface RunFacts {
  readonly run: number
  readonly attempt: number
  readonly failures: number
  /** When its first attempt started. */
  readonly since: Instant
  readonly inputs: readonly Token[]
}

export type RunState =
  | RunFacts & { readonly status: 'running' }
  /** For its next attempt. */
  | RunFacts & { readonly status: 'waiting', readonly until: Instant }
  /** For what its node asked to wait for. */
  | RunFacts & { readonly status: 'suspended', readonly wait: Wait, readonly expires: Instant | undefined, readonly children: Children | undefined }

export interface NodeState {
  /** Runs started so far. */
  runs: number
  /** Those of them before the present iteration of the loop that it is in. */
  runsBefore: number
  current: RunState | undefined
  /** Nothing more can reach it, in a loop's body: in this iteration. */
  finished: boolean
  /** It is recorded that it never ran. */
  skipped: boolean
  /** Its next move must be decided again. */
  dirty: boolean
  readonly loop: LoopState | undefined
  /** What each finished run emitted, by output in the node's order; undefined where it sent nothing. */
  results: ReadonlyArray<ReadonlyArray<Token | undefined>>
}

/** An execution as far as its events tell. Owned by one runner and changed in place by `apply` only. */
export interface State {
  /** The execution's id: chance is drawn from it, so that executions differ and repetitions do not. */
  readonly executionId: string
  status: ExecutionStatus
  /** The node that started it, and its item. */
  readonly trigger: number
  readonly triggerItem: Item
  readonly nodes: readonly NodeState[]
  readonly edges: readonly EdgeState[]
  partial: PartialRun | undefined
  /** 1 for the nodes that take part, where not all do. */
  only: Uint8Array | undefined
  /** Of the last event. */
  seq: number
  startedAt: Instant | undefined
  vars: Readonly<Record<string, unknown>>
  error: ExecutionError | undefined
  answer: HttpAnswer | undefined
  /** Steps that are running or waiting. */
  active: number
  /** Those of them that are waiting. */
  waits: number
  /** The failed step that `onError: "stop"` ends the execution for. */
  fatal: ExecutionError | undefined
  /** Since when nothing but waits is left, and how long that was before: not counted by the timeout. */
  waitingSince: Instant | undefined
  waitedFor: number
  /** No node before this one is dirty. */
  firstDirty: number
}

/** The state after event 1, `execution.queued`. */
export function initialState (plan: Plan, triggerId: string, payload: TriggerPayload, executionId = ''): State {
  const trigger = plan.byId.get(triggerId)
  if (trigger === undefined) throw new Error(`Workflow ${plan.workflowId} version ${plan.version} has no node ${triggerId}`)
  return {
    executionId,
    status: 'queued',
    trigger: trigger.index,
    triggerItem: triggerItem(payload, triggerId),
    nodes: plan.nodes.map(({ loop }) => ({ runs: 0, runsBefore: 0, current: undefined, finished: false, skipped: false, dirty: true, loop: loop === undefined ? undefined : initialLoop(), results: NONE })),
    edges: plan.edges.map(() => ({ tokens: NONE, taken: 0, closed: false })),
    partial: undefined,
    only: undefined,
    seq: 1,
    startedAt: undefined,
    vars: NO_VARS,
    error: undefined,
    answer: undefined,
    active: 0,
    waits: 0,
    fatal: undefined,
    waitingSince: undefined,
    waitedFor: 0,
    firstDirty: 0
  }
}

export function isTerminal (state: State): boolean {
  return state.status !== 'queued' && state.status !== 'running' && state.status !== 'waiting'
}

const NO_VARS: State['vars'] = Object.freeze({})
const NO_ITEM: Item = { json: {}, parents: [], nodeId: '', run: 0 }

const NO_NODES: readonly NodeState[] = []
const NO_EDGES: readonly EdgeState[] = []

/**
 * What is left to know of a terminal state: the data that went through the execution is let go. The state itself stays as it
 * is: a step that is being aborted may still look at it.
 */
export function withoutData (state: State): State {
  return { ...state, triggerItem: NO_ITEM, nodes: NO_NODES, edges: NO_EDGES, vars: NO_VARS }
}

/** Folds one recorded event into the state. The only place where a state changes because of something that happened. */
export function apply (plan: Plan, state: State, event: Event): void {
  state.seq++
  switch (event.type) {
    case 'execution.started':
      state.status = 'running'
      state.startedAt = event.at
      if (event.vars !== undefined) state.vars = event.vars
      if (event.partial !== undefined) restrict(plan, state, event.partial)
      return
    case 'execution.waiting':
      state.status = 'waiting'
      state.waitingSince = event.at
      return
    case 'execution.resumed':
      if (state.waitingSince !== undefined) state.waitedFor += event.at - state.waitingSince
      state.waitingSince = undefined
      state.status = 'running'
      return
    case 'execution.succeeded':
    case 'execution.failed':
    case 'execution.cancelled':
    case 'execution.timedOut':
      state.status = terminalStatusOf(event)!
      if ('error' in event) state.error = event.error
      return
    case 'log':
      return
    default:
      applyStep(plan, state, event)
  }
}

function restrict (plan: Plan, state: State, partial: PartialRun): void {
  state.partial = partial
  if (partial.only === undefined) return
  state.only = new Uint8Array(plan.nodes.length)
  for (const id of partial.only) state.only[plan.byId.get(id)!.index] = 1
}

function given ({ triggerItem: { nodeId } }: State, items: readonly GivenItem[]): Token {
  return items.map(item => ({ ...item, parents: [], nodeId, run: 0 }))
}

function applyStep (plan: Plan, state: State, event: StepEvent): void {
  const node = plan.byId.get(event.nodeId)
  if (node === undefined) throw new Error(`Event ${event.type} names node ${event.nodeId}, which version ${plan.version} of ${plan.workflowId} lacks`)
  if ('stored' in event && event.stored !== undefined) throw new Error(`Event ${event.type} of node ${event.nodeId} lacks what is stored outside of it`)
  const at = state.nodes[node.index]!
  switch (event.type) {
    case 'step.started': {
      const inputs = at.current?.inputs ?? takeInputs(state, node)
      if (at.current === undefined) state.active++
      else if (at.current.status !== 'running') state.waits--
      at.current = { status: 'running', run: event.run, attempt: event.attempt, failures: at.current?.failures ?? 0, since: at.current?.since ?? event.at, inputs }
      at.runs = event.run + 1
      return
    }
    case 'step.retrying': {
      const { status, run, attempt, failures, since, inputs } = running(at, event)
      at.current = { status: 'waiting', run, attempt, failures: failures + 1, since, inputs, until: event.until }
      if (status === 'running') state.waits++
      return
    }
    case 'step.waiting': {
      const before = running(at, event)
      const { status, run, attempt, failures, since, inputs } = before
      if (status === 'running') state.waits++
      const children = event.wait.kind === 'children' ? applyChildren(before.status === 'suspended' ? before.children : undefined, event.wait) : undefined
      at.current = { status: 'suspended', run, attempt, failures, since, inputs, wait: event.wait, expires: event.expires, children }
      return
    }
    case 'step.succeeded':
      if (event.answer !== undefined) state.answer = event.answer
      emit(state, node, at, event.run, running(at, event).inputs, event.outputs)
      return
    case 'step.failed':
      if (event.outputs === undefined) state.fatal = { ...event.error, nodeId: node.id }
      emit(state, node, at, event.run, running(at, event).inputs, event.outputs ?? {})
      return
    case 'step.skipped':
      at.skipped = true
      closeOutputs(state, node)
  }
}

/** Nothing more can come out of the node: the dead token of all of its branches. */
export function closeOutputs (state: State, node: PlanNode): void {
  state.nodes[node.index]!.finished = true
  for (const edge of node.closes) {
    state.edges[edge.index]!.closed = true
    mark(state, edge.to)
  }
  if (node.scope !== -1) {
    const loop = state.nodes[node.scope]!.loop!
    if (--loop.open === 0) mark(state, node.scope)
  } else if (node.loop !== undefined) {
    // What never ran in any iteration has nothing to wait for any more.
    for (const { index } of node.loop.descendants) mark(state, index)
  }
}

function running (at: NodeState, event: StepEvent): RunState {
  if (at.current === undefined) throw new Error(`Event ${event.type} of node ${event.nodeId}, which is not running`)
  return at.current
}

/**
 * Takes the next token of every input. Of several connections into one input the first in plan order that
 * has one is next; `nextMove` lets a run start only when those before it are exhausted.
 */
function takeInputs (state: State, node: PlanNode): readonly Token[] {
  const { loop } = state.nodes[node.index]!
  if (isTurning(loop)) return takeReturned(state, loop, node.loop!)
  if (node.index === state.trigger) return state.partial?.inputs?.map(items => given(state, items)) ?? [[state.triggerItem]]
  return node.incoming.map(edges => {
    for (const edge of edges) {
      const from = state.edges[edge.index]!
      if (from.taken < from.tokens.length) return from.tokens[from.taken++]!
    }
    return []
  })
}

function emit (state: State, node: PlanNode, at: NodeState, run: number, inputs: readonly Token[], outputs: Outputs): void {
  const { loop } = at
  const flat = inputs.length === 1 ? inputs[0]! : inputs.flat()
  if (loop !== undefined) turn(state, node.loop!, loop, inputs, outputs)
  const sent = node.outputs.map((name, output): Token | undefined => {
    // Names come from workflows: one may be `constructor` or `__proto__`.
    const described = Object.hasOwn(outputs, name) ? outputs[name] : undefined
    if (described === undefined || described.length === 0) return undefined
    const sources = loop === undefined ? flat : loopSources(loop, name, inputs)
    const token = described.map(one => materialize(one, sources, node.id, run))
    for (const { index, to } of node.outgoing[output]!) {
      const edge = state.edges[index]!
      edge.tokens = appended(edge.tokens, token)
      mark(state, to)
    }
    return token
  })
  if (loop !== undefined && sent[node.outputs.indexOf(LOOP.body)] === undefined) endList(loop)
  at.results = appended(at.results, sent)
  if (at.current !== undefined && at.current.status !== 'running') state.waits--
  at.current = undefined
  state.active--
  mark(state, node.index)
}

function mark (state: State, node: number): void {
  state.nodes[node]!.dirty = true
  if (node < state.firstDirty) state.firstDirty = node
}

import { ERROR_OUTPUT, type RetryPolicy, type WorkflowDefinition, type WorkflowNode } from './definition.ts'
import { compileParameters, type CompiledParameters } from './expression/index.ts'
import { topologicalOrder } from './graph.ts'
import type { GivenItem } from './item.ts'
import { compileLimits, type PlanLimits } from './limits.ts'
import { LOOP } from './loop-structure.ts'
import type { Effects, NodeType } from './nodes/node-type.ts'
import { fittingParameters } from './nodes/fitting.ts'
import type { NodeRegistry } from './nodes/registry.ts'
import { findBodies, layBodies, type DraftLoop } from './plan-loops.ts'
import { parseDuration } from '../lib/duration.ts'

export interface PlanEdge {
  readonly index: number
  readonly from: number
  readonly output: number
  readonly to: number
  readonly input: number
  /** From a loop's body to the loop. */
  readonly back: boolean
}

export interface RetryRule {
  readonly maxAttempts: number
  readonly backoff: 'fixed' | 'exponential'
  /** milliseconds */
  readonly delay: number
  /** milliseconds */
  readonly maxDelay: number
  /** Up to which share of a delay is taken off it by chance, from 0 to 1. */
  readonly jitter: number
  /** milliseconds from the start of the first attempt, after which none starts; or none */
  readonly maxElapsed: number | undefined
}

/** How many inputs a run needs: all that can still come, or that many. */
export type InputsNeeded = 'all' | number

export interface PlanNode {
  /** Its place in plan order: what a node depends on comes before it. */
  readonly index: number
  readonly id: string
  readonly type: NodeType
  readonly effects: Effects
  readonly disabled: boolean
  readonly credentialId: string | undefined
  readonly parameters: CompiledParameters
  /** What it sends in runs that ask for pinned data. */
  readonly pinned: readonly GivenItem[] | undefined
  /** As written, expressions not evaluated. */
  readonly written: Readonly<Record<string, unknown>>
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** By input, in plan order: the order in which several links into one input are read. A loop's without those from its body. */
  readonly incoming: readonly (readonly PlanEdge[])[]
  readonly outgoing: readonly (readonly PlanEdge[])[]
  /** Where nothing more can come once this node is finished: its own connections, and of a loop those that leave its body. */
  readonly closes: readonly PlanEdge[]
  /** The output for items that the node does not work on, since it is disabled or failed. */
  readonly through: string | undefined
  /** The loop in whose body it is, by its place in plan order; of several the innermost, and the outermost. -1 for none. */
  readonly scope: number
  readonly outermost: number
  readonly loop: PlanLoop | undefined
  readonly inputsNeeded: InputsNeeded
  readonly retry: RetryRule | undefined
  /** milliseconds per attempt */
  readonly timeout: number | undefined
  readonly onError: 'stop' | 'continue' | 'errorOutput'
}

/** The body of a loop. */
export interface PlanLoop {
  /** The nodes that run in each of its iterations; of inner loops the loop node only. */
  readonly members: readonly PlanNode[]
  /** All nodes in it, those of inner loops too. Of an inner loop: none. */
  readonly descendants: readonly PlanNode[]
  /** What is between its nodes, and to and from the loop: empty at the start of each iteration. */
  readonly edges: readonly PlanEdge[]
  /** From the body to the loop, in plan order. */
  readonly back: readonly PlanEdge[]
  /** From the loop into the body. */
  readonly entries: readonly PlanEdge[]
}

/** A workflow version made ready to run: immutable, compiled once, shared by all of its executions. */
export interface Plan {
  readonly workflowId: string
  readonly version: number
  readonly name: string
  readonly nodes: readonly PlanNode[]
  readonly edges: readonly PlanEdge[]
  readonly byId: ReadonlyMap<string, PlanNode>
  readonly timeZone: string
  readonly hasLoops: boolean
  /** Whether steps may wait for executions that they start. */
  readonly startsExecutions: boolean
  /** Whether another workflow is to start when it fails. */
  readonly hasErrorWorkflow: boolean
  /** Whether an expression reads `$vars`. */
  readonly usesVars: boolean
  /** milliseconds of not waiting, or none */
  readonly timeout: number | undefined
  readonly limits: PlanLimits
  /** The nodes that an execution started by this trigger can reach, by node index. */
  reachableFrom (trigger: number): Uint8Array
}

export interface PlanSource {
  readonly workflowId: string
  readonly version: number
  readonly name: string
  readonly definition: WorkflowDefinition
}

/** Compiles a definition that passed validation; throws where one that did not makes no sense. */
export function compilePlan ({ workflowId, version, name, definition }: PlanSource, registry: NodeRegistry): Plan {
  const written = new Map(definition.nodes.map((node, position) => [node.id, position]))
  const place = (id: string): number => {
    const position = written.get(id)
    if (position === undefined) throw new Error(`Workflow ${workflowId} version ${version} connects an unknown node ${id}`)
    return position
  }
  const { connections, scopes, isBack } = findBodies(definition, place)
  const forward = connections.filter(connection => !isBack(connection)).map(({ from, to }) => [place(from), place(to)] as const)
  const { order, cyclic } = topologicalOrder(definition.nodes.length, forward)
  if (cyclic.length > 0) throw new Error(`Workflow ${workflowId} version ${version} has a cycle`)

  const drafts = order.map((position, index) => draftNode(definition.nodes[position]!, index, registry))
  const byId = new Map(drafts.map(draft => [draft.id, draft]))
  const edges = connections
    .map(connection => {
      const { from, to, output, input } = connection
      const source = byId.get(from)!
      const target = byId.get(to)!
      return { from: source.index, output: port(source.outputs, output, from), to: target.index, input: port(target.inputs, input, to), back: isBack(connection) }
    })
    .sort((a, b) => a.from - b.from || a.output - b.output || a.to - b.to || a.input - b.input)
    .map((edge, index) => ({ index, ...edge }))
  for (const edge of edges) drafts[edge.from]!.outgoing[edge.output]!.push(edge)
  for (const edge of edges) if (!edge.back) drafts[edge.to]!.incoming[edge.input]!.push(edge)
  if (scopes === undefined) for (const edge of edges) drafts[edge.from]!.closes.push(edge)
  else layBodies(drafts, edges, order.map(position => scopes[position]!), order)

  const reachable = new Map<number, Uint8Array>()
  return {
    workflowId,
    version,
    name,
    nodes: drafts,
    edges,
    byId,
    hasLoops: scopes !== undefined,
    startsExecutions: definition.nodes.some(({ type, disabled }) => disabled !== true && registry.get(type)?.startsExecutions === true),
    hasErrorWorkflow: typeof definition.settings.errorWorkflowId === 'string',
    timeZone: definition.settings.timeZone ?? 'UTC',
    usesVars: definition.nodes.some(node => JSON.stringify(node.parameters)?.includes('$vars') === true),
    timeout: optionalDuration(definition.settings.timeout),
    limits: compileLimits({ workflowId, version, name, settings: definition.settings }),
    reachableFrom (trigger) {
      let marks = reachable.get(trigger)
      if (marks === undefined) {
        marks = markReachable(drafts, trigger)
        reachable.set(trigger, marks)
      }
      return marks
    }
  }
}

export interface DraftNode extends PlanNode {
  readonly incoming: PlanEdge[][]
  readonly outgoing: PlanEdge[][]
  readonly closes: PlanEdge[]
  scope: number
  outermost: number
  loop: DraftLoop | undefined
}

function draftNode (node: WorkflowNode, index: number, registry: NodeRegistry): DraftNode {
  const type = registry.get(node.type)
  if (type === undefined) throw new Error(`Node ${node.id} has the unknown type ${node.type}`)
  const raw = node.parameters ?? {}
  const onError = node.onError ?? 'stop'
  const inputs = type.inputs(raw)
  const outputs = onError === 'errorOutput' ? [...type.outputs(raw), ERROR_OUTPUT] : type.outputs(raw)
  return {
    index,
    id: node.id,
    type,
    effects: type.effectsOf?.(raw) ?? type.effects,
    disabled: node.disabled === true,
    credentialId: node.credentialId?.toLowerCase(),
    pinned: node.pinnedData,
    parameters: fittingParameters(compileParameters(raw, { literals: type.literals, ...(type.escapeFor && { escape: pointer => type.escapeFor?.(raw, pointer) }) }), type.parameters, raw),
    written: raw,
    inputs,
    outputs,
    incoming: inputs.map(() => []),
    outgoing: outputs.map(() => []),
    closes: [],
    through: node.type === LOOP.type ? LOOP.done : outputs[0],
    scope: -1,
    outermost: -1,
    loop: undefined,
    inputsNeeded: inputsNeeded(raw['wait'], inputs.length),
    retry: node.retry === undefined ? undefined : retryRule(node.retry),
    timeout: optionalDuration(node.timeout),
    onError
  }
}

function inputsNeeded (wait: unknown, inputs: number): InputsNeeded {
  if (inputs < 2) return 'all'
  if (wait === 'any') return 1
  return typeof wait === 'number' ? Math.min(Math.max(1, wait), inputs) : 'all'
}

function retryRule ({ maxAttempts, backoff = 'exponential', delay = '1s', maxDelay = '5m', jitter = 0, maxElapsed }: RetryPolicy): RetryRule {
  return { maxAttempts, backoff, delay: parseDuration(delay), maxDelay: parseDuration(maxDelay), jitter, maxElapsed: optionalDuration(maxElapsed) }
}

function optionalDuration (text: string | null | undefined): number | undefined {
  return text === undefined || text === null ? undefined : parseDuration(text)
}

function port (names: readonly string[], wanted: string | undefined, nodeId: string): number {
  const index = wanted === undefined ? 0 : names.indexOf(wanted)
  if (index < 0 || index >= names.length) throw new Error(`Node ${nodeId} has no port ${wanted ?? '(default)'}`)
  return index
}

function markReachable (nodes: readonly PlanNode[], start: number): Uint8Array {
  const marks = new Uint8Array(nodes.length)
  const queue = [start]
  marks[start] = 1
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const edge of nodes[at]!.outgoing.flat()) {
      if (marks[edge.to] === 1) continue
      marks[edge.to] = 1
      queue.push(edge.to)
    }
  }
  return marks
}

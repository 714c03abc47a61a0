import fc from 'fast-check'
import type { WorkflowNode } from '../../src/engine/definition.ts'
import type { OutputItem } from '../../src/engine/item.ts'
import type { Plan, PlanNode } from '../../src/engine/plan.ts'
import { planOf, start, type RunStep, type Simulation } from './engine-simulator.ts'

/** What a node does whenever it runs: a function of its inputs, so that no order and no crash changes it. */
interface Behaviour {
  /** Attempts of each run that fail before one is right. */
  readonly failures: number
  /** Of 256: how often an output sends nothing. */
  readonly silence: number
  readonly fatal: boolean
  /** Of a loop. */
  readonly batch: number
}

export interface World {
  readonly plan: Plan
  readonly behaviours: ReadonlyMap<string, Behaviour>
}

type OnError = 'continue' | 'errorOutput' | 'stop'
type NodeDraft = { type: string, inputs: number, outputs: number, wait: unknown, onError: OnError, disabled: boolean, leave: boolean } & Behaviour
interface LinkDraft { from: number, to: number, output: number, input: number, back: number }
export interface Draft { nodes: readonly NodeDraft[], links: readonly LinkDraft[] }

const FINE: Behaviour = { failures: 0, silence: 0, fatal: false, batch: 1 }
const MAX_ATTEMPTS = 3
const DEEPEST = 3

/** Workflows of up to `most` nodes beside their trigger. */
export function drafts (most: number): fc.Arbitrary<Draft> {
  return fc.integer({ min: 1, max: most }).chain(size => fc.record({
    nodes: fc.array(fc.record({
      type: fc.constantFrom('none', 'none', 'idempotent', 'loop', 'loop'),
      inputs: fc.integer({ min: 1, max: 3 }),
      outputs: fc.integer({ min: 1, max: 3 }),
      failures: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 4),
      silence: fc.constantFrom(0, 0, 30, 128, 255),
      fatal: fc.constantFrom(false, false, false, false, false, false, false, false, false, true),
      batch: fc.constantFrom(1, 1, 2),
      onError: fc.constantFrom<OnError[]>('continue', 'errorOutput', 'stop'),
      wait: fc.constantFrom('all', 'all', 'all', 'all', 'all', 'all', 'any', 2),
      disabled: fc.constantFrom(false, false, false, false, false, false, false, true),
      // The last of the body that it is in.
      leave: fc.constantFrom(false, false, true)
    }), { minLength: size, maxLength: size }),
    links: fc.array(fc.record({ from: fc.nat(1000), to: fc.nat(1000), output: fc.nat(1000), input: fc.nat(1000), back: fc.nat(5) }), { minLength: Math.ceil(size / 2), maxLength: size * 2 })
  }))
}

/** Makes a workflow that passes validation of whatever was drawn: bodies stand within each other, links lead forwards or back to a loop. */
export function worldOf ({ nodes: drawn, links }: Draft): World {
  const scopes = [-1]
  const open: number[] = []
  const types = drawn.map(({ type, leave, disabled }, index) => {
    scopes.push(open.at(-1) ?? -1)
    if (leave) open.pop()
    if (type !== 'loop') return type
    if (disabled || leave || open.length === DEEPEST || index === drawn.length - 1) return 'none'
    open.push(index + 1)
    return 'loop'
  })
  const drafts = drawn.map((draft, index): NodeDraft => ({ ...draft, type: types[index]!, inputs: types[index] === 'loop' ? 1 : draft.inputs }))
  const around = (node: number): number[] => scopes[node] === -1 ? [] : [scopes[node]!, ...around(scopes[node]!)]
  const source = (from: number, to: number, output: number): string => from === 0 ? 'start' : `n${from}.${outputName(drafts[from - 1]!, output, around(to).includes(from))}`

  const texts = new Set<string>()
  for (const { from, to, output, input, back } of links) {
    const target = 1 + to % drafts.length
    const loops = around(target)
    if (back < loops.length) texts.add(`${source(target, loops[back]!, output)} -> n${loops[back]!}`)
    const first = Math.max(0, scopes[target]!)
    texts.add(`${source(first + from % (target - first), target, output)} -> ${inputName(drafts, target, input)}`)
  }
  const entered = new Set([...texts].map(text => text.split(' -> ')).filter(([from, to]) => from!.split('.')[0] !== to!.split('.')[0])
    .filter(([from, to]) => !around(Number(/\d+/.exec(from!)?.[0] ?? 0)).includes(Number(/\d+/.exec(to!)![0]))).map(([, to]) => Number(/\d+/.exec(to!)![0])))
  for (let node = 1; node < scopes.length; node++) {
    // A node of a body to which nothing led would be an entry of its own.
    if (!entered.has(node)) texts.add(`${source(node - 1, node, 0)} -> ${inputName(drafts, node, 0)}`)
    const [loop] = around(node)
    if (loop !== undefined && scopes[node + 1] !== loop && drafts[node - 1]!.batch === 1) texts.add(`${source(node, loop, 0)} -> n${loop}`)
  }
  const nodes = drafts.map(({ type, inputs, outputs, wait, onError, disabled }, index): WorkflowNode => ({
    id: `n${index + 1}`,
    type,
    onError,
    disabled,
    retry: { maxAttempts: MAX_ATTEMPTS, delay: '5s' },
    parameters: type === 'loop' ? {} : { inputs: names('i', inputs), outputs: names('o', outputs), ...(wait === 'all' ? {} : { wait }) }
  }))
  return { plan: planOf([start, ...nodes], [...texts]), behaviours: new Map(drafts.map((draft, index) => [`n${index + 1}`, draft])) }
}

function names (prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

function inputName (drafts: readonly NodeDraft[], node: number, wanted: number): string {
  const { type, inputs } = drafts[node - 1]!
  return type === 'loop' ? `n${node}` : `n${node}.i${wanted % inputs}`
}

function outputName ({ type, outputs, onError }: NodeDraft, wanted: number, intoBody: boolean): string {
  if (type === 'loop' && intoBody) return 'loop'
  const own = type === 'loop' ? ['done', 'done', 'done', 'loop'] : names('o', outputs)
  const all = [...own, ...(onError === 'errorOutput' ? ['error'] : [])]
  return all[wanted % all.length]!
}

/** The texts of the items of a token: equal in all histories. */
type Stream = readonly string[]

/** FNV-1a, with a last stir. */
export function hash (text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return (Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) ^ (value >>> 13)) >>> 0
}

/** What a run that is not to fail emits, by output: one or two items, or none. */
function emitted (node: PlanNode, { silence, batch }: Behaviour, run: number, inputs: readonly Stream[]): Record<string, Stream> {
  if (node.disabled) return { [node.through!]: inputs[0] ?? [] }
  if (node.loop !== undefined) return { loop: inputs[0]!.slice(0, batch) }
  const outputs = node.onError === 'errorOutput' ? node.outputs.slice(0, -1) : node.outputs
  const given = inputs.map(stream => stream.join()).join('|')
  return Object.fromEntries(outputs.flatMap(name => {
    const value = hash(`${node.id}:${run}:${name}:${given}`)
    const text = value.toString(36)
    return value % 256 < silence ? [] : [[name, value % 2 === 0 ? [text, `${text}+`] : [text]]]
  }))
}

const isDoomed = ({ failures, fatal }: Behaviour, node: PlanNode): boolean => !node.disabled && (fatal || failures >= MAX_ATTEMPTS)

function failedOutputs (node: PlanNode, inputs: readonly Stream[]): Record<string, Stream> {
  const output = node.onError === 'errorOutput' ? node.outputs.at(-1)! : node.through!
  return node.onError === 'stop' ? {} : { [output]: inputs.flat().map(text => text.endsWith('!') ? text : `${text}!`) }
}

/** A second engine, without events, time or state: what each run of each node emits, straight from the definition. */
export class Oracle {
  readonly results = new Map<string, string>()
  fatal = false
  readonly #world: World
  readonly #streams: Stream[][]
  readonly #runs = new Map<string, number>()
  #left = 3000

  constructor (world: World) {
    this.#world = world
    this.#streams = world.plan.edges.map(() => [])
    this.#body(-1)
  }

  /** Whether it is too much for a test. */
  get isLarge (): boolean { return this.#left <= 0 }

  #body (scope: number): void {
    for (const node of this.#world.plan.nodes) {
      if (this.#left <= 0) return
      if (node.scope !== scope) continue
      const queues = node.incoming.map(edges => edges.flatMap(edge => this.#streams[edge.index]!))
      if (node.loop === undefined) this.#step(node, queues)
      else for (const items of queues[0]!) this.#loop(node, items)
    }
  }

  #step (node: PlanNode, queues: readonly Stream[][]): void {
    const runs = node.id === 'start' ? 1 : Math.max(0, ...queues.map(queue => queue.length))
    for (let run = 0; run < runs; run++) {
      const inputs = node.id === 'start' ? [['{}']] : queues.map(queue => queue[run] ?? [])
      this.#emit(node, number => emitted(node, this.#behaviour(node), number, inputs), inputs)
    }
  }

  #loop (node: PlanNode, items: Stream): void {
    const { batch } = this.#behaviour(node)
    const doomed = isDoomed(this.#behaviour(node), node)
    const returned: string[] = []
    for (let given = 0; !doomed && given < items.length && this.#left > 0; given += batch) {
      for (const edge of node.loop!.edges) this.#streams[edge.index] = []
      this.#emit(node, () => ({ loop: items.slice(given, given + batch) }), [items])
      this.#body(node.index)
      for (const edge of node.loop!.back) returned.push(...this.#streams[edge.index]!.flat())
    }
    this.#emit(node, () => ({ done: returned }), [items])
  }

  #emit (node: PlanNode, outputs: (run: number) => Record<string, Stream>, inputs: readonly Stream[]): void {
    this.#left--
    const run = this.#runs.get(node.id) ?? 0
    this.#runs.set(node.id, run + 1)
    const doomed = isDoomed(this.#behaviour(node), node)
    const tokens = doomed ? failedOutputs(node, inputs) : outputs(run)
    if (doomed && node.onError === 'stop') this.fatal = true
    this.results.set(`${node.id}:${run}`, written(tokens))
    node.outputs.forEach((name, output) => {
      const token = tokens[name]
      if (token !== undefined && token.length > 0) for (const edge of node.outgoing[output]!) this.#streams[edge.index]!.push(token)
    })
  }

  #behaviour ({ id }: PlanNode): Behaviour {
    return this.#world.behaviours.get(id) ?? FINE
  }
}

function written (tokens: Readonly<Record<string, Stream>>): string {
  return JSON.stringify(Object.entries(tokens).filter(([, token]) => token.length > 0).sort(([a], [b]) => a < b ? -1 : 1))
}

/** Does what a command says; fails first as often as the node is to fail. */
export function perform (run: Simulation, { behaviours }: World, step: RunStep): void {
  const { node } = step
  const behaviour = behaviours.get(node.id) ?? FINE
  const { failures } = run.state.nodes[node.index]!.current!
  if (!node.disabled && (behaviour.fatal || failures < behaviour.failures)) {
    run.fail(node.id, { retryable: !behaviour.fatal })
    return
  }
  const inputs = step.inputs.map(token => token.map(textOf))
  const passes = node.disabled || node.loop !== undefined
  run.succeed(node.id, Object.fromEntries(Object.entries(emitted(node, behaviour, step.run, inputs))
    .map(([name, texts]): [string, OutputItem[]] => [name, texts.map((text, from) => passes ? { from } : { from: 0, json: { text } })])))
}

export function textOf ({ json }: { readonly json: Readonly<Record<string, unknown>> }): string {
  const text = typeof json['text'] === 'string' ? json['text'] : '{}'
  return json['error'] === undefined || text.endsWith('!') ? text : `${text}!`
}

/** What each run emitted, in the oracle's words. */
export function resultsOf (run: Simulation): Map<string, string> {
  const results = new Map<string, string>()
  for (const event of run.events) {
    if (event.type !== 'step.succeeded' && event.type !== 'step.failed') continue
    const emitted = run.results(event.nodeId)[event.run]!
    results.set(`${event.nodeId}:${event.run}`, written(Object.fromEntries(Object.entries(emitted).map(([name, token]) => [name, token.map(textOf)]))))
  }
  return results
}

/** Whether what a run gets may depend on which branch was faster. */
export const usesAny = ({ plan }: World): boolean => plan.nodes.some(({ inputsNeeded }) => inputsNeeded !== 'all')

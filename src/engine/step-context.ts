import { approvalUrls, resumeUrl, type AnswerUrl } from './answer-links.ts'
import { childId } from './children.ts'
import type { ExpressionItem, ExpressionScope, ItemsView, NodeItemsView, PageScope } from './expression/index.ts'
import type { Credential } from './credentials/index.ts'
import type { Instant } from './events.ts'
import type { Item } from './item.ts'
import { NodeError } from './node-error.ts'
import type { Connect } from './nodes/connect.ts'
import type { RunCode } from './code/run-code.ts'
import type { NodeFiles } from './nodes/node-files.ts'
import type { Fetch, NodeContext } from './nodes/node-type.ts'
import { firstSent } from './outputs-by-name.ts'
import type { Plan, PlanNode } from './plan.ts'
import type { State, Token } from './state.ts'

/** What the runtime knows of an execution beside its plan and state. */
export interface ExecutionFacts {
  readonly id: string
  /** The first of a chain of retries: idempotency keys keep its id. */
  readonly rootId: string
  readonly trigger: string
}

export interface StepPowers {
  readonly signal: AbortSignal
  readonly fetch: Fetch
  readonly connect: Connect
  readonly credential: (id: string) => Promise<Credential>
  readonly runCode: RunCode
  readonly files: NodeFiles
  readonly now: () => Instant
  readonly log: NodeContext<unknown>['log']
  readonly randomBytes: NodeContext<unknown>['randomBytes']
  readonly claimKeys: NodeContext<unknown>['claimKeys']
  readonly subWorkflow: NodeContext<unknown>['subWorkflow']
  readonly answerUrl: AnswerUrl
}

export interface StepTask {
  readonly plan: Plan
  readonly state: State
  readonly node: PlanNode
  readonly run: number
  readonly attempt: number
  readonly inputs: readonly Token[]
}

const EMPTY: Token = []

/** What a node gets to see and do: its items, its parameters for each of them, its powers. */
export function stepContext (task: StepTask, facts: ExecutionFacts, powers: StepPowers): NodeContext<never> {
  return new StepContext(task, facts, powers)
}

/** Made for every step, so what few nodes ask for is made when they ask. Its functions stand without `this`. */
class StepContext implements NodeContext<never> {
  readonly nodeId: string
  readonly run: number
  readonly attempt: number
  readonly items: Token
  readonly #task: StepTask
  readonly #facts: ExecutionFacts
  readonly #powers: StepPowers

  constructor (task: StepTask, facts: ExecutionFacts, powers: StepPowers) {
    this.nodeId = task.node.id
    this.run = task.run
    this.attempt = task.attempt
    this.items = task.inputs[0] ?? EMPTY
    this.#task = task
    this.#facts = facts
    this.#powers = powers
  }

  get inputs (): Readonly<Record<string, Token>> {
    const { node, inputs } = this.#task
    return Object.fromEntries(node.inputs.map((name, index) => [name, inputs[index] ?? EMPTY]))
  }

  get parameters (): (index: number, page?: PageScope) => never {
    const { parameters } = this.#task.node
    const { scope } = this
    return (index, page) => parameters.evaluate(scope(index, page)) as never
  }

  get scope (): (index: number, page?: PageScope) => ExpressionScope {
    const task = this.#task
    const facts = this.#facts
    const powers = this.#powers
    const { items } = this
    const startedAt = powers.now()
    return (index, page) => new StepScope(task, facts, powers, items, index, startedAt, page)
  }

  get idempotencyKey (): (index: number) => string {
    const prefix = `${this.#facts.rootId}:${this.nodeId}:${this.run}:`
    return index => prefix + String(index)
  }

  get signal (): AbortSignal { return this.#powers.signal }
  get fetch (): Fetch { return this.#powers.fetch }
  get connect (): Connect { return this.#powers.connect }
  get runCode (): RunCode { return this.#powers.runCode }
  get files (): NodeFiles { return this.#powers.files }
  get now (): () => Instant { return this.#powers.now }

  get credential (): NodeContext<never>['credential'] {
    const { node } = this.#task
    const powers = this.#powers
    return async reference => {
      const { id = node.credentialId, types = node.type.credentials ?? [] } = reference ?? {}
      if (id === undefined) return undefined
      const credential = await powers.credential(id)
      if (types.includes(credential.type)) return credential
      throw new NodeError('WC_CREDENTIAL_TYPE', `The credential is of the type ${credential.type}; here it must be ${types.join(' or ') || 'none at all'}`)
    }
  }

  get log (): StepPowers['log'] { return this.#powers.log }
  get timeZone (): string { return this.#task.plan.timeZone }
  get randomBytes (): StepPowers['randomBytes'] { return this.#powers.randomBytes }
  get claimKeys (): StepPowers['claimKeys'] { return this.#powers.claimKeys }
  get subWorkflow (): StepPowers['subWorkflow'] { return this.#powers.subWorkflow }

  get failedItemOutput (): NodeContext<never>['failedItemOutput'] {
    const { node } = this.#task
    return ({ detail }) => {
      if (node.onError === 'stop' || (node.retry !== undefined && detail.retryable === true)) return undefined
      return node.onError === 'continue' ? node.through : node.outputs.at(-1)
    }
  }

  get childId (): NodeContext<never>['childId'] {
    const { id } = this.#facts
    const now = this.#powers.now()
    return index => childId(id, this, index, now)
  }
}

const NOTHING: ExpressionItem = { json: {} }

/** What the expressions of one step see for one item. A class, so that all scopes share one shape. */
class StepScope implements ExpressionScope {
  readonly json: ExpressionItem['json']
  readonly item: ExpressionItem
  readonly itemIndex: number
  readonly runIndex: number
  readonly vars: Readonly<Record<string, unknown>>
  readonly timeZone: string
  readonly nodeId: string
  readonly page: PageScope | undefined
  readonly #task: StepTask
  readonly #facts: ExecutionFacts
  readonly #powers: StepPowers
  readonly #items: Token
  readonly #startedAt: Instant

  constructor (task: StepTask, facts: ExecutionFacts, powers: StepPowers, items: Token, index: number, startedAt: Instant, page: PageScope | undefined) {
    this.item = items[index] ?? NOTHING
    this.json = this.item.json
    this.itemIndex = index
    this.runIndex = task.run
    this.vars = task.state.vars
    this.timeZone = task.plan.timeZone
    this.nodeId = task.node.id
    this.page = page
    this.#task = task
    this.#facts = facts
    this.#powers = powers
    this.#items = items
    this.#startedAt = startedAt
  }

  get binary (): NonNullable<ExpressionItem['binary']> {
    return this.item.binary ?? {}
  }

  get workflow (): ExpressionScope['workflow'] {
    const { workflowId: id, name, version } = this.#task.plan
    return { id, name, version, active: true }
  }

  get execution (): ExpressionScope['execution'] {
    return executionView(this.#task, this.#facts, this.#powers)
  }

  now (): Instant {
    return this.#startedAt
  }

  input (): ItemsView {
    return itemsView(this.#items, this.#items[this.itemIndex])
  }

  node (id: string): NodeItemsView | undefined {
    const { plan, state } = this.#task
    const node = plan.byId.get(id)
    if (node === undefined) return undefined
    const { results } = state.nodes[node.index]!
    const only = onlyItem(results)
    const origin = only ?? ancestor(this.#items[this.itemIndex], id)
    // The run that this item came from: which run is the last by now depends on timing.
    const result = (origin === undefined ? undefined : results[origin.run]) ?? results.at(-1)
    if (result === undefined) return undefined
    // A node with several outputs answers with those of the first that sent something.
    const items = firstSent(node, result) ?? EMPTY
    const linked = (index: number): Item | undefined => only ?? ancestor(this.#items[index], id) ?? (items.length === 1 ? items[0] : undefined)
    return Object.assign(itemsView(items, linked(this.itemIndex)), { itemMatching: linked, isExecuted: true })
  }
}

/** Signing a link costs something, so it is done where it is asked for. */
function executionView ({ plan, state, node, run }: StepTask, facts: ExecutionFacts, powers: StepPowers): ExpressionScope['execution'] {
  return {
    id: facts.id,
    mode: facts.trigger,
    get resumeUrl () { return resumeUrl(plan, state, node, run, powers.answerUrl) },
    get approvalUrls () { return approvalUrls(plan, state, node, run, powers.answerUrl) }
  }
}

function itemsView (items: Token, item: Item | undefined): ItemsView {
  return { all: () => items, first: () => items[0], last: () => items.at(-1), item }
}

/** What a node sent, where it is one item in all: then there is no question which one another came from, and nothing to search. */
function onlyItem (results: State['nodes'][number]['results']): Item | undefined {
  if (results.length !== 1) return undefined
  const [first, ...others] = results[0]!.filter(token => token !== undefined)
  return others.length === 0 && first?.length === 1 ? first[0] : undefined
}

/** The item of node `id` that `item` was made from, through any number of nodes between them: the nearest. */
function ancestor (item: Item | undefined, id: string): Item | undefined {
  if (item === undefined) return undefined
  const seen = new Set<Item>()
  // Read by position: an item may have been made of a hundred thousand others, and to shift a list of them moves all of it.
  const waiting = [item]
  for (let place = 0; place < waiting.length; place++) {
    let next = waiting[place]!
    // Nothing else waits, so no other way can meet this one: to remember each step of it would cost most of a long workflow.
    if (place === waiting.length - 1) while (next.nodeId !== id && next.parents.length === 1) next = next.parents[0]!
    if (next.nodeId === id) return next
    for (const parent of next.parents) {
      if (seen.has(parent)) continue
      seen.add(parent)
      waiting.push(parent)
    }
  }
  return undefined
}

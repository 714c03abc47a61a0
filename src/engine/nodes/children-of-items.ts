import { Type } from '@sinclair/typebox'
import { briefError, MAX_DATA } from '../brief.ts'
import { isObject, type ChildEnd, type Children, type ChildStart, type ChildTarget } from '../children.ts'
import type { GivenItem, Item, OutputItem } from '../item.ts'
import { NodeError, type StepError } from '../node-error.ts'
import type { Resumption } from '../wait.ts'
import type { NodeContext, StepResult } from './node-type.ts'

/** What the nodes that start an execution for each of their items are told by their parameters. */
export interface ChildParameters {
  readonly workflowId: string
  readonly input?: unknown
  /** Names of the item's files that go along; by default all of them. */
  readonly files?: readonly unknown[]
}

export const FILES = Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
  title: 'Files', description: "Names of the item's files that go along, with the item as with `input`. By default all of them.", maxItems: 100
}))

/** What becomes of the rest when the execution for an item does not succeed. */
export type ItemErrorPolicy = 'stop' | 'skip' | 'collect'

export interface ChildrenRules {
  readonly maxConcurrency: number
  readonly onItemError: ItemErrorPolicy
}

type Context = NodeContext<ChildParameters>

/** Where the items of a step go that no execution could be started for, or whose execution did not succeed. */
export const FAILED_OUTPUT = 'failed'
/** Items of one step. */
const MOST_ITEMS = 10_000
/** What starts with one event, in items and in characters of their input: it is committed at once. */
const MOST_DETACHED = 1000
const MOST_DETACHED_TEXT = 8 * 1024 * 1024

/** Starts one for each item and waits for none: the items say which. */
export async function startDetached (context: Context): Promise<StepResult> {
  const { items } = context
  if (items.length > MOST_DETACHED) throw tooMany(items.length, MOST_DETACHED)
  const targets = await targetsOf(context)
  const start = items.map((_item, index) => childOf(context, index, targets, false))
  const size = start.reduce((sum, { item }) => sum + JSON.stringify(item.json).length, 0)
  if (size > MOST_DETACHED_TEXT) throw new NodeError('WC_SUBWORKFLOW_LIMIT', `The inputs of all items have ${size} characters together; ${MOST_DETACHED_TEXT} are the most that start at once`)
  return { outputs: { main: start.map(({ id, workflowId }, from) => ({ from, json: { executionId: id, workflowId } })) }, start }
}

/** Starts as many as may run at once, and waits for them. */
export async function startAwaited (context: Context, rules: ChildrenRules): Promise<StepResult> {
  const { items } = context
  if (items.length > MOST_ITEMS) throw tooMany(items.length, MOST_ITEMS)
  const targets = await targetsOf(context)
  return waitOn(context, rules, { open: new Map(), ended: new Map(), targets }, [], true)
}

/** What follows when one of them has ended. */
export function resumeAwaited (context: Context, rules: ChildrenRules, resumption: Resumption): StepResult {
  const { children } = resumption
  if (resumption.kind !== 'message' || resumption.message.kind !== 'child' || children === undefined) throw new Error('A step that waits for executions was told of something else')
  const { child } = resumption.message
  if (child.status !== 'succeeded' && rules.onItemError === 'stop') throw failureOf(child)
  return waitOn(context, rules, children, [child], false)
}

function waitOn (context: Context, rules: ChildrenRules, { open, ended: before, targets }: Children, arrived: readonly ChildEnd[], first: boolean): StepResult {
  const { items } = context
  const ended = [...arrived]
  const start: ChildStart[] = []
  // Items are started in their order, so as many are begun as are open or over.
  let next = open.size + before.size
  for (const room = rules.maxConcurrency - open.size + arrived.length; next < items.length && start.length < room; next++) {
    try {
      start.push(childOf(context, next, targets, true))
    } catch (error) {
      if (!(error instanceof NodeError) || rules.onItemError === 'stop') throw error
      ended.push({ index: next, status: 'failed', error: error.toStepError() })
    }
  }
  if (open.size - arrived.length + start.length === 0) return { outputs: outputsOf(items, rules, [...before.values(), ...ended]) }
  const started = start.map(({ index, id }) => ({ index, id }))
  return { suspend: { kind: 'children', started, ended, ...(first ? { targets } : {}) }, start }
}

function outputsOf (items: readonly Item[], { onItemError }: ChildrenRules, ends: readonly ChildEnd[]): Record<string, OutputItem[]> {
  const inOrder = ends.toSorted((a, b) => a.index - b.index)
  const main = inOrder.flatMap(({ index, items: results = [] }) => results.map(result => outputOf(items[index]!, index, result)))
  if (onItemError !== 'collect') return { main }
  const failed = inOrder.filter(({ status }) => status !== 'succeeded')
  return { main, [FAILED_OUTPUT]: failed.map(end => ({ from: end.index, patch: { error: factsOf(end) } })) }
}

/** An item without files does not take those of the item that it came from. */
function outputOf (source: Item, from: number, { json, binary }: GivenItem): OutputItem {
  if (binary === undefined && source.binary === undefined) return { from, json }
  return { from, json, binary: binary ?? {} }
}

function factsOf (end: ChildEnd) {
  const { executionId, status } = end
  const { code = FAILED, message = `The sub-workflow ${ENDED[status]}` } = causeOf(end).error ?? {}
  return { code, message, status, ...(executionId === undefined ? {} : { executionId }) }
}

const FAILED = 'WC_SUBWORKFLOW_FAILED'
const ENDED = { succeeded: 'succeeded', failed: 'failed', cancelled: 'was cancelled', timedOut: 'took longer than it may' } as const

/** An execution that did not succeed, down from the step that waited for it. */
interface Link {
  readonly executionId: string | null
  readonly status: ChildEnd['status']
  /** Where it failed. */
  readonly nodeId: string | null
}

/** The executions that failed because of each other, and the error of the innermost, which is the cause of all of them. */
function causeOf ({ executionId, status, error }: ChildEnd): { chain: Link[], error: StepError | undefined } {
  const link: Link = { executionId: executionId ?? null, status, nodeId: error !== undefined && 'nodeId' in error ? String(error.nodeId) : null }
  const inner = error?.code === FAILED && isObject(error.data) && Array.isArray(error.data['chain']) ? error.data as { chain: Link[], error?: StepError | null } : undefined
  return inner === undefined ? { chain: [link], error } : { chain: [link, ...inner.chain], error: inner.error ?? undefined }
}

/** However deep it lies, the cause is told once, in `message` and `data.error`; `data.chain` tells who failed because of whom. */
function failureOf (end: ChildEnd): NodeError {
  const { index, executionId = null, status } = end
  const { chain, error } = causeOf(end)
  const inside = chain.length === 1 ? '' : `, because of the execution ${chain.at(-1)!.executionId ?? ''} inside it`
  // The cause may not fill the data so that nothing else has room in it.
  const data = { executionId, status, error: error === undefined ? null : briefError(error, MAX_DATA / 2), chain }
  const message = `The execution ${executionId ?? ''} of the sub-workflow ${ENDED[status]}${inside}${error === undefined ? '' : `: ${error.message}`}`
  return new NodeError(FAILED, message, { itemIndex: index, data, ...(end.error?.retryable === true || status === 'timedOut' ? { retryable: true } : {}) })
}

async function targetsOf (context: Context): Promise<Record<string, ChildTarget>> {
  const ids = new Set(context.items.map((_item, index) => workflowIdOf(context, index)))
  const targets: Record<string, ChildTarget> = {}
  for (const id of ids) targets[id] = await context.subWorkflow(id)
  return targets
}

function workflowIdOf (context: Context, index: number): string {
  const { workflowId } = context.parameters(index)
  if (typeof workflowId === 'string') return workflowId.toLowerCase()
  throw new NodeError('WC_SUBWORKFLOW_UNKNOWN', 'The id of a workflow must be text', { pointer: '/workflowId', itemIndex: index })
}

function childOf (context: Context, index: number, targets: Readonly<Record<string, ChildTarget>> | undefined, awaited: boolean): ChildStart {
  const workflowId = workflowIdOf(context, index)
  const target = targets !== undefined && Object.hasOwn(targets, workflowId) ? targets[workflowId] : undefined
  if (target === undefined) throw new NodeError('WC_SUBWORKFLOW_UNKNOWN', `The step did not begin with the workflow ${workflowId}: its id must be the same each time it is computed`, { pointer: '/workflowId', itemIndex: index })
  const { json, binary } = context.items[index]!
  const { input = json, files } = context.parameters(index)
  if (!isObject(input)) throw new NodeError('WC_SUBWORKFLOW_INPUT', 'The input of a sub-workflow must be an object', { pointer: '/input', itemIndex: index })
  const along = files === undefined ? binary : chosen(binary ?? {}, files, index)
  return { ...target, id: context.childId(index), index, item: along === undefined ? { json: input } : { json: input, binary: along }, awaited }
}

function chosen (binary: NonNullable<Item['binary']>, names: readonly unknown[], itemIndex: number): Item['binary'] {
  const missing = names.find(name => !Object.hasOwn(binary, String(name)))
  if (missing !== undefined) throw new NodeError('WC_PARAMETER', `The item has no binary data called ${JSON.stringify(missing)}`, { pointer: '/files', itemIndex })
  return names.length === 0 ? undefined : Object.fromEntries(names.map(name => [name, binary[String(name)]!]))
}

function tooMany (count: number, most: number): NodeError {
  return new NodeError('WC_SUBWORKFLOW_LIMIT', `The step got ${count} items; it takes ${most}. Split them before it, with a loop`)
}

import type { ExpressionItem, NodeItemsView } from '../expression/scope.ts'
import { NodeError } from '../node-error.ts'
import type { NodeContext } from '../nodes/node-type.ts'
import type { CodeAnalysis, NodeUse } from './analyse.ts'

/** Characters of one message's items, in mode `each`: so much is serialized at a time. */
const BATCH = 4 * 1024 * 1024
/** Characters of the items that code may ask for together; it has far less memory for them. */
const MAX_INPUT = 64 * 1024 * 1024

export interface CodeTask {
  readonly context: Pick<NodeContext<unknown>, 'items' | 'scope' | 'nodeId' | 'run'>
  readonly code: string
  readonly mode: 'all' | 'each'
  readonly analysis: CodeAnalysis
}

export interface Message {
  readonly lines: readonly string[]
  /** How many of the items are in it. */
  readonly count: number
}

/** A message for the items from `at` on: all of them, or as many as make a batch where each is on its own. */
export function messageOf (task: CodeTask, at: number): Message {
  const { context, mode, analysis } = task
  const texts: string[] = []
  let size = 0
  const add = (item: ExpressionItem): void => {
    const { json, binary } = item
    const text = JSON.stringify(binary === undefined ? { json } : { json, binary })
    size += text.length
    if (size > MAX_INPUT) throw new NodeError('WC_CODE_INPUT_SIZE', `The code reads items of more than ${MAX_INPUT} characters together; mode "each" takes them one by one`)
    texts.push(text)
  }
  const apart = mode === 'each' && !analysis.wholeInput && !usesOf(analysis).some(({ matching }) => matching)
  for (const item of at === 0 ? context.items : context.items.slice(at)) {
    if (apart && size >= BATCH) break
    add(item)
  }
  const count = texts.length
  const nodes = Object.create(null) as Record<string, NodeData>
  for (const { nodeId, ...use } of usesOf(analysis)) {
    const data = nodeData(task, use, nodeId, at, count, item => { add(item); return texts.length - 1 })
    if (data !== undefined) nodes[nodeId] = data
  }
  return { lines: [JSON.stringify({ ...factsOf(task, at), at, items: count, nodes }), JSON.stringify(task.code), ...texts], count }
}

/** Each node once, with all that is read of it. */
function usesOf ({ mentions, candidates }: CodeAnalysis): Array<NodeUse & { nodeId: string }> {
  const uses = new Map<string, NodeUse & { nodeId: string }>()
  for (const { nodeId, list, item, matching } of mentions) {
    const known = uses.get(nodeId)
    uses.set(nodeId, { nodeId, list: list || known?.list === true, item: item || known?.item === true, matching: matching || known?.matching === true })
  }
  for (const nodeId of candidates) uses.set(nodeId, { nodeId, list: true, item: true, matching: true })
  return [...uses.values()]
}

function factsOf ({ context, mode, analysis }: CodeTask, at: number): object {
  const scope = context.scope(at)
  return {
    mode,
    // What the code does not name it need not get.
    wholeInput: analysis.wholeInput,
    listItems: mode === 'all' && analysis.names.has('items'),
    vars: scope.vars,
    workflow: scope.workflow,
    execution: scope.execution,
    nodeId: context.nodeId,
    runIndex: context.run,
    now: scope.now(),
    zone: scope.timeZone
  }
}

interface NodeData {
  /** Numbers of lines. */
  readonly lists: readonly (readonly number[])[]
  /** By input item: which of the lists, and which line its own item is. */
  readonly views: readonly (readonly [list: number, line: number])[]
}

function nodeData (
  { context, mode }: CodeTask, use: NodeUse, nodeId: string, at: number, count: number, add: (item: ExpressionItem) => number
): NodeData | undefined {
  const lines = new Map<ExpressionItem, number>()
  const lineOf = (item: ExpressionItem): number => {
    let line = lines.get(item)
    if (line === undefined) lines.set(item, line = add(item))
    return line
  }
  const lists: number[][] = []
  const known = new Map<unknown, number>()
  const listOf = (view: NodeItemsView): number => {
    const items = view.all()
    let list = known.get(items)
    if (list === undefined) {
      known.set(items, list = lists.length)
      lists.push(items.map(lineOf))
    }
    return list
  }
  const views: Array<[number, number]> = []
  const end = at + (mode === 'each' || use.matching ? count : 1)
  for (let index = at; index < end; index++) {
    const view = context.scope(index).node(nodeId)
    if (view === undefined) return undefined
    const item = use.item || use.matching ? view.item : undefined
    views.push([use.list ? listOf(view) : -1, item === undefined ? -1 : lineOf(item)])
  }
  return { lists, views }
}

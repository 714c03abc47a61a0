import { compileTemplate } from '../src/engine/expression/index.ts'
import type { ExpressionItem, ExpressionScope, ItemsView, NodeItemsView } from '../src/engine/expression/index.ts'

/**
 * Evaluations a second of CPU time (garbage collection included), so that a shared machine does not blur them.
 * Floors are what the engine was promised to reach; the bench fails below them. Of several rounds the best counts.
 */
interface Case { name: string, text: string, floor: number }
interface Measured extends Case { perSecond: number }

const CASES: readonly Case[] = [
  { name: 'path and product', text: '{{ $json.body.items[0].price * 1.2 }}', floor: 1_000_000 },
  { name: 'filter, map, reduce', text: '{{ $json.body.items.filter(i => i.quantity > 1).map(i => i.price * i.quantity).reduce((sum, n) => sum + n, 0) }}', floor: 300_000 },
  { name: 'text with two parts', text: 'Hello {{ $json.body.name }}, order {{ $json.body.id }}', floor: 1_000_000 },
  { name: 'condition', text: '{{ $json.body.total > 100 && $json.body.name !== "" }}', floor: 1_000_000 },
  { name: 'another node', text: "{{ $('price').item.json.amount }}", floor: 500_000 },
  { name: 'whole body', text: '{{ $json.body }}', floor: 1_000_000 },
  { name: 'object of five', text: '{{ ({ id: $json.body.id, name: $json.body.name, total: $json.body.total, first: $json.body.items[0].sku, paid: true }) }}', floor: 300_000 },
  { name: 'text methods', text: '{{ $json.body.name.trim().toLowerCase().split(" ").join("-") }}', floor: 300_000 },
  { name: 'date', text: "{{ $now.plus({ days: 1 }).toFormat('yyyy-MM-dd') }}", floor: 5_000 }
]

const ROUNDS = 5
/** milliseconds of CPU time */
const ROUND_TIME = 300

function makeScope (): ExpressionScope {
  const json = {
    method: 'POST',
    body: {
      id: 'order-1',
      name: 'Ada Lovelace',
      total: 120.5,
      items: Array.from({ length: 5 }, (_, index) => ({ sku: `sku-${index}`, price: 9.5 + index, quantity: index }))
    }
  }
  const item: ExpressionItem = { json: { amount: 12, ...json } }
  const view: ItemsView = { all: () => [item], first: () => item, last: () => item, item }
  const node: NodeItemsView = { ...view, isExecuted: true, itemMatching: () => item }
  return {
    json,
    item,
    itemIndex: 0,
    runIndex: 0,
    input: () => view,
    node: () => node,
    vars: {},
    workflow: { id: 'workflow', name: 'Bench' },
    execution: { id: 'execution', mode: 'bench' },
    now: () => 1_709_287_200_000,
    timeZone: 'Europe/Paris',
    nodeId: 'bench'
  }
}

function round (text: string, scope: ExpressionScope): number {
  const template = compileTemplate(text)
  const start = process.cpuUsage()
  let count = 0
  let elapsed = 0
  while (elapsed < ROUND_TIME) {
    for (let index = 0; index < 2_000; index++) template.evaluate(scope)
    count += 2_000
    const { user, system } = process.cpuUsage(start)
    elapsed = (user + system) / 1000
  }
  return count / elapsed * 1000
}

/** All cases in turn in every round: what one warms up, the others meet as a busy process would. */
function measure (): Measured[] {
  const scope = makeScope()
  const best = new Map<string, number>()
  for (let count = 0; count < ROUNDS; count++) {
    for (const { name, text } of CASES) best.set(name, Math.max(best.get(name) ?? 0, round(text, scope)))
  }
  return CASES.map((bench) => ({ ...bench, perSecond: Math.round(best.get(bench.name)!) }))
}

const results = measure()
console.table(Object.fromEntries(results.map(({ name, perSecond, floor }) => [name, { 'per CPU second': perSecond, floor, reached: perSecond >= floor }])))
console.log(JSON.stringify({ bench: 'expressions', node: process.version, results: results.map(({ name, text, perSecond, floor }) => ({ name, text, perSecond, floor })) }))
if (results.some(({ perSecond, floor }) => perSecond < floor)) process.exitCode = 1

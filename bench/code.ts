import { pino } from 'pino'
import { code as codeNode } from '../src/engine/nodes/code.ts'
import { createSandbox, type Sandbox } from '../src/sandbox/sandbox.ts'
import { nodeContext } from '../test/support/node-context.ts'

/**
 * Items a second through a code node on one process, start of the first run, and short runs a second. Wall time: run it
 * on a quiet machine. Of several rounds the best counts; below the floors the bench fails.
 */
const ITEMS = 20_000
const ROUNDS = 3
const FLOOR = 4000
const COLD_LIMIT = 250
const SOURCES = {
  all: 'return $input.all().map(({ json }) => ({ json: { ...json, total: json.quantity * json.price, label: json.name.toUpperCase() } }))',
  each: 'return { ...$json, total: $json.quantity * $json.price, label: $json.name.toUpperCase() }'
} as const

const items = Array.from({ length: ITEMS }, (_, n) => ({ id: `order-${n}`, name: 'Ada Lovelace', quantity: n % 7, price: 9.5, note: 'x'.repeat(100) }))

async function run (sandbox: Sandbox, code: string, mode: 'all' | 'each', count: number): Promise<number> {
  const { signal } = new AbortController()
  const start = performance.now()
  const { outputs } = await codeNode.run(nodeContext({
    items: items.slice(0, count), parameters: { code, mode }, signal, runCode: async job => await sandbox.run('bench', job, signal)
  }))
  if (outputs['main']?.length !== count) throw new Error(`${outputs['main']?.length} items came back`)
  return performance.now() - start
}

async function best (measure: () => Promise<number>): Promise<number> {
  let least = Infinity
  for (let round = 0; round < ROUNDS; round++) least = Math.min(least, await measure())
  return least
}

const sandbox = createSandbox({ processes: 2, memory: 32 * 1024 * 1024, log: pino({ level: 'error' }) })
const cold = await run(sandbox, 'return $input.item', 'all', 1)
const all = ITEMS / 4 / await best(async () => await run(sandbox, SOURCES.all, 'all', ITEMS / 4)) * 1000
const each = ITEMS / await best(async () => await run(sandbox, SOURCES.each, 'each', ITEMS)) * 1000
const SHORT = 500
const short = SHORT / await best(async () => {
  let sum = 0
  for (let at = 0; at < SHORT; at++) sum += await run(sandbox, SOURCES.each, 'each', 1)
  return sum
}) * 1000
await sandbox.close()

console.log(JSON.stringify({ coldStartMs: Math.round(cold), allItemsPerSecond: Math.round(all), eachItemsPerSecond: Math.round(each), runsPerSecond: Math.round(short) }))
if (all < FLOOR || each < FLOOR || cold > COLD_LIMIT) process.exitCode = 1

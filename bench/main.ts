import { parseArgs } from 'node:util'
import { cpus } from 'node:os'
import { batches } from './scenarios/batches.ts'
import { idleSchedules } from './scenarios/idle-schedules.ts'
import { acceptanceLatency, tailLatency } from './scenarios/latency.ts'
import { quietTenants } from './scenarios/quiet-tenants.ts'
import { starts } from './scenarios/starts.ts'
import { throughput, type Throughput } from './scenarios/throughput.ts'
import { generator } from './support/load-generator.ts'
import { startEmbedded, startSeparate } from './support/product.ts'

const HELP = `npm run bench -- [--quick] [--only starts,embedded,separate,batches,quiet,schedules]

Measures this machine: throughput as a ratio to a bare Fastify route (alternating pairs, median), latencies, memory,
starts. Prints a table and, at the end, one line of JSON. Exits 1 where a target is missed.

  --quick   short runs, for a first look
  --only    some of the scenarios
All but the starts and the embedded mode need PostgreSQL and Redis: BENCH_DATABASE_URL (postgres://postgres@127.0.0.1:5432/postgres),
BENCH_REDIS_URL (redis://127.0.0.1:6379).
`

const MEGABYTE = 1024 * 1024

interface Row { readonly what: string, readonly measured: number, readonly unit: string, readonly target: string, readonly met: boolean }

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, help: { type: 'boolean', default: false } } })
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const scenarios = new Set((values.only ?? 'starts,embedded,separate,batches,quiet,schedules').split(','))
const plan = values.quick ? { pairs: 2, seconds: 4, steady: 10 } : { pairs: 5, seconds: 8, steady: 60 }
const rows: Row[] = []
const details: Record<string, unknown> = { generator, cpus: cpus().length, node: process.version, ...plan }

function atLeast (what: string, measured: number, unit: string, target: number): void {
  rows.push({ what, measured, unit, target: `≥ ${target}`, met: measured >= target })
}

function atMost (what: string, measured: number, unit: string, target: number): void {
  rows.push({ what, measured, unit, target: `≤ ${target}`, met: measured <= target })
}

function progress (text: string): void {
  process.stderr.write(`${text} …\n`)
}

function describe (mode: string, result: Throughput, target: number): void {
  details[mode] = result
  atLeast(`${mode}: finished executions/s ÷ bare Fastify`, result.medianRatio, '×', target)
}

if (scenarios.has('starts')) {
  progress('Starts of the embedded mode')
  const result = await starts()
  details['starts'] = result
  atMost('embedded: first start', result.first / 1000, 's', 6)
  atMost('embedded: warm start', result.warm / 1000, 's', 3)
  atMost('embedded: idle memory', result.idleMemory / MEGABYTE, 'MB', 400)
}

if (scenarios.has('embedded')) {
  const product = await startEmbedded()
  try {
    progress('Embedded: tail latency at 50 requests/s')
    const tail = await tailLatency(product, { rate: 50, count: values.quick ? 150 : 500 })
    details['embeddedTail'] = tail
    atMost('embedded: p50 webhook → terminal event on the WebSocket', tail.p50, 'ms', 25)
    progress(`Embedded: ${plan.pairs} pairs of ${plan.seconds} s`)
    describe('embedded', await throughput(product, plan), 0.3)
    progress(`Embedded: the 202 at full load for ${plan.steady} s`)
    const acceptance = await acceptanceLatency(product, plan.steady)
    details['embeddedAcceptance'] = acceptance
    atMost('embedded: p99 of the 202 at full load', acceptance.p99, 'ms', 80)
  } finally {
    await product.stop()
  }
}

if (scenarios.has('separate')) {
  const product = await startSeparate()
  try {
    progress(`Separate API and worker: ${plan.pairs} pairs of ${plan.seconds} s`)
    const result = await throughput(product, plan)
    describe('separate', result, 0.4)
    atMost('separate: memory of API and worker under load', result.memory / MEGABYTE, 'MB', 350)
  } finally {
    await product.stop()
  }
}

if (scenarios.has('batches')) {
  const product = await startSeparate({ withWorker: false })
  try {
    progress('Separate API without a worker: batches of 10,000 lines')
    const result = await batches(product, values.quick ? 10 : 40)
    details['batches'] = result
    atLeast('batches: executions accepted/s', result.rate, '', 15_000)
    atMost('batches: memory of the API', result.memory / MEGABYTE, 'MB', 350)
  } finally {
    await product.stop()
  }
}

if (scenarios.has('quiet')) {
  // A tenant's capacity is the limit that the operator sets: 50 requests a second here, of which the flood sends 10 times as many and more.
  for (const [name, settings] of [['limited', { WECONNECT_HOOK_RATE_LIMIT: '3000' }], ['unlimited', {}]] as const) {
    const product = await startSeparate({ settings })
    try {
      progress(`Quiet tenants beside one that floods, ${name}`)
      const result = await quietTenants(product, values.quick ? { pairs: 1, seconds: 6 } : { pairs: 3, seconds: 10 })
      details[`quiet ${name}`] = result
      atLeast(`quiet tenants beside a flood, ${name}: finished/s ÷ alone`, result.medianRatio, '×', 0.9)
      if (name === 'limited') atLeast('the flood ÷ the limit of its tenant', Math.min(...result.flood) / 50, '×', 10)
    } finally {
      await product.stop()
    }
  }
}

if (scenarios.has('schedules')) {
  const product = await startSeparate()
  try {
    progress('10,000 idle schedules')
    const result = await idleSchedules(product, values.quick ? 15 : 60)
    details['schedules'] = result
    atMost('10,000 idle schedules: part of a core, all processes and PostgreSQL', result.with * 100, '%', 5)
  } finally {
    await product.stop()
  }
}

process.stdout.write(`\nLoad generator: ${generator}, ${cpus().length} CPUs, Node ${process.version}\n\n`)
for (const { what, measured, unit, target, met } of rows) {
  process.stdout.write(`${met ? 'met   ' : 'MISSED'}  ${what.padEnd(66)} ${measured.toFixed(2).padStart(9)} ${unit.padEnd(3)} (${target})\n`)
}
process.stdout.write(`\n${JSON.stringify({ rows, details })}\n`)
process.exitCode = rows.every(row => row.met) ? 0 : 1

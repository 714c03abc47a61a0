import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSandbox, runCode } from '../test/support/code-runs.ts'
import { percentile } from './support/statistics.ts'

/**
 * What one organization's hostile code does to another's: the p99 of a neighbour's short runs, alone and beside every payload
 * that is meant to escape or to exhaust, one after the other. Wall time: run it on a quiet machine. Above the limit it fails.
 */
const RUNS = 1000
const PAUSE = 2
const LIMIT = 2
const HELPERS = 'const $fn = value => String(value), $credentials = {}, $env = {}, $secrets = {}\n'

const payloads = JSON.parse(await readFile(new URL('../test/support/testdata/escape-payloads.json', import.meta.url), 'utf8')) as Array<{ payload: string }>
const sandbox = openSandbox({ processes: 2 })

async function neighbour (): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    times.push((await runCode(sandbox, 'return { total: $json.n * 2 }', { organization: 'neighbour', mode: 'each' })).elapsed)
    await sleep(PAUSE)
  }
  return percentile(times, 99)
}

async function hostile (until: AbortSignal): Promise<void> {
  for (let at = 0; !until.aborted; at = (at + 1) % payloads.length) {
    await runCode(sandbox, `${HELPERS}return (${payloads[at]!.payload})`, { organization: 'hostile', timeout: '400ms' }).catch(() => undefined)
  }
}

await neighbour()
const pairs: Array<{ alone: number, beside: number }> = []
for (let pair = 0; pair < 3; pair++) {
  const alone = await neighbour()
  const over = new AbortController()
  const attack = hostile(over.signal)
  const beside = await neighbour()
  over.abort()
  await attack
  pairs.push({ alone, beside })
}
await sandbox.close()
const ratios = pairs.map(({ alone, beside }) => beside / alone).sort((a, b) => a - b)
const round = (value: number): number => Math.round(value * 100) / 100
console.log(JSON.stringify({ p99Ms: pairs.map(({ alone, beside }) => ({ alone: round(alone), beside: round(beside) })), medianRatio: round(ratios[1]!) }))
if (ratios[1]! > LIMIT) process.exitCode = 1

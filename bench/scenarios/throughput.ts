import { join } from 'node:path'
import { load } from '../support/load-generator.ts'
import { answers, freePort, ROOT, start } from '../support/processes.ts'
import type { Product } from '../support/product.ts'
import { median } from '../support/statistics.ts'

export interface Throughput {
  /** Requests a second of the bare Fastify route, by pair. */
  readonly floor: number[]
  /** Executions a second from the first request to the last one finished, by pair. */
  readonly product: number[]
  readonly ratios: number[]
  readonly medianRatio: number
  /** Seconds of CPU of all our processes for 1,000 executions. */
  readonly cpuPer1000: number
  /** Bytes, all our processes together, at the end of the load. */
  readonly memory: number
  /** milliseconds, of the 202, the median over the pairs */
  readonly p99: number
}

/** seconds */
const WARM_UP = 20

/** Floor and product alternate, so that a noisy machine is noisy for both. */
export async function throughput (product: Product, { pairs, seconds }: { pairs: number, seconds: number }): Promise<Throughput> {
  const floor: number[] = []
  const rates: number[] = []
  const p99s: number[] = []
  let memory = 0
  let cpu = 0
  let executions = 0
  // Until the code is compiled and the plans of the statements are settled: the first pair is to be like the others.
  await load(product.hook, WARM_UP)
  await drained(product, undefined)
  for (let pair = 0; pair < pairs; pair++) {
    await product.settled()
    floor.push(await measureFloor(seconds))
    const before = await product.finished()
    const cpuBefore = await total(product, process => process.cpu())
    const began = performance.now()
    const result = await load(product.hook, seconds)
    if (result.non2xx > 0) throw new Error(`${result.non2xx} requests were not accepted`)
    memory = Math.max(memory, await total(product, process => process.memory()))
    const finished = await drained(product, before + result.requests)
    const count = finished - before
    rates.push(count / ((performance.now() - began) / 1000))
    cpu += await total(product, process => process.cpu()) - cpuBefore
    executions += count
    p99s.push(result.p99)
  }
  const ratios = rates.map((rate, index) => rate / floor[index]!)
  return { floor, product: rates, ratios, medianRatio: median(ratios), cpuPer1000: cpu / executions * 1000, memory, p99: median(p99s) }
}

async function measureFloor (seconds: number): Promise<number> {
  const port = await freePort()
  const server = start(join(ROOT, 'bench/floor-server.ts'), { PORT: String(port) }, ['--import', join(ROOT, 'scripts/typescript/register.js')])
  try {
    const url = `http://127.0.0.1:${port}/hooks/local/measured`
    await answers(url.replace(/\/hooks.*/, '/x'), 10_000).catch(() => undefined)
    await load(url, 2)
    const { requests, seconds: taken } = await load(url, seconds)
    return requests / taken
  } finally {
    await server.stop()
  }
}

/** Waits until at least `expected` executions have ended and no more do; returns how many. */
async function drained (product: Product, expected: number | undefined): Promise<number> {
  const limit = performance.now() + 120_000
  let last = -1
  while (performance.now() < limit) {
    const now = await product.finished()
    // The load generator does not count the requests that it cut at its end, so there may be some more.
    if (expected === undefined ? now === last : now >= expected) return now
    last = now
    await new Promise(resolve => setTimeout(resolve, expected === undefined ? 500 : 20))
  }
  throw new Error('The executions did not finish within 120 s')
}

async function total (product: Product, read: (process: Product['processes'][number]) => Promise<number>): Promise<number> {
  return (await Promise.all(product.processes.map(read))).reduce((sum, value) => sum + value, 0)
}

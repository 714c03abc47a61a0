import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { BODY, load } from '../support/load-generator.ts'
import type { SeparateProduct, Tenant } from '../support/product.ts'
import { median } from '../support/statistics.ts'

export interface QuietTenants {
  /** Finished executions a second of all quiet tenants together, by pair: by themselves, and beside the flood. */
  readonly alone: number[]
  readonly beside: number[]
  readonly medianRatio: number
  /** Requests a second of the flood, and how many of them were accepted. */
  readonly flood: number[]
  readonly floodAccepted: number[]
}

const QUIET = 4
/** Requests a second that each quiet tenant sends, whether it was answered or not. */
const RATE = 50
/** milliseconds between two handfuls of requests */
const PACE = 20
const WARM_UP = 4
/** seconds */
const HEAD_START = 4

/**
 * What quiet tenants keep while another one floods: executions that were finished within the seconds in which they were
 * asked for, with the flood and without it in turn. What is finished later does not count.
 */
export async function quietTenants (product: SeparateProduct, { pairs, seconds }: { pairs: number, seconds: number }): Promise<QuietTenants> {
  const quiet: Tenant[] = []
  for (let at = 0; at < QUIET; at++) quiet.push(await product.join(`Quiet ${at}`))
  await offer(quiet, WARM_UP)
  const result = { alone: [] as number[], beside: [] as number[], flood: [] as number[], floodAccepted: [] as number[] }
  for (let pair = 0; pair < pairs; pair++) {
    await settled(product)
    result.alone.push(await measure(product, quiet, seconds))
    await settled(product)
    // The flood is there before them, so that it has used up what a bucket lets pass at once, and longer than them.
    const flood = load(product.hook, HEAD_START + seconds + 2)
    await sleep(HEAD_START * 1000)
    result.beside.push(await measure(product, quiet, seconds))
    const { requests, non2xx, seconds: took } = await flood
    result.flood.push(requests / took)
    result.floodAccepted.push((requests - non2xx) / took)
  }
  return { ...result, medianRatio: median(result.beside.map((rate, pair) => rate / result.alone[pair]!)) }
}

async function measure (product: SeparateProduct, quiet: readonly Tenant[], seconds: number): Promise<number> {
  const before = await finished(product, quiet)
  await offer(quiet, seconds)
  return (await finished(product, quiet) - before) / seconds
}

async function finished ({ database }: SeparateProduct, tenants: readonly Tenant[]): Promise<number> {
  const ids = tenants.map(({ organizationId }) => organizationId)
  const [row] = await database`select count(*)::integer as count from execution_events where status is not null and organization_id in ${database(ids)}`
  return Number(row!['count'])
}

/** An open loop: slow answers do not make it send less. */
async function offer (tenants: readonly Tenant[], seconds: number): Promise<void> {
  const dispatcher = new Agent({ connections: 64 })
  const end = performance.now() + seconds * 1000
  let sent = 0
  const began = performance.now()
  while (performance.now() < end) {
    const due = Math.floor((performance.now() - began) / 1000 * RATE * tenants.length)
    for (; sent < due; sent++) void post(tenants[sent % tenants.length]!.hook, dispatcher)
    await sleep(PACE)
  }
  await dispatcher.destroy()
}

async function post (url: string, dispatcher: Agent): Promise<void> {
  try {
    const { body } = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY, dispatcher })
    await body.dump()
  } catch {
    // Not finished, so not counted.
  }
}

/** Until nothing is left to do, so that no round finishes what another one began. */
async function settled (product: SeparateProduct): Promise<void> {
  for (let last = -1, now = await product.finished(); now !== last; now = await product.finished()) {
    last = now
    await sleep(1000)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf } from '../support/processes.ts'
import type { SeparateProduct } from '../support/product.ts'

export interface IdleSchedules {
  readonly schedules: number
  /** Parts of one core: of the API, the worker and all their sessions of PostgreSQL together. */
  readonly without: number
  readonly with: number
  /** The same, each by itself, with the schedules. */
  readonly api: number
  readonly worker: number
  readonly postgres: number
}

const SCHEDULES = 10_000
const IN_ONE_WORKFLOW = 500
/** seconds until what publishing left to do is done */
const SETTLE = 10

/** What ten thousand schedules cost while none of them is due. PostgreSQL must run on this machine. */
export async function idleSchedules (product: SeparateProduct, seconds: number): Promise<IdleSchedules> {
  await sleep(SETTLE * 1000)
  const without = await idle(product, seconds)
  for (let first = 0; first < SCHEDULES; first += IN_ONE_WORKFLOW) await product.join(`Schedules ${first}`, yearly(first))
  const [row] = await product.database`select count(*)::integer as count from schedules where next_at > now() + interval '1 hour'`
  if (row?.['count'] !== SCHEDULES) throw new Error(`There are ${row?.['count']} idle schedules, not ${SCHEDULES}`)
  await sleep(SETTLE * 1000)
  const loaded = await idle(product, seconds)
  return { schedules: SCHEDULES, without: without.all, with: loaded.all, api: loaded.api, worker: loaded.worker, postgres: loaded.postgres }
}

/** Each at its own minute of a day half a year away, so that none is due while it is measured. */
function yearly (first: number): object {
  const month = (new Date().getUTCMonth() + 6) % 12 + 1
  return {
    name: `Schedules ${first}`,
    nodes: Array.from({ length: IN_ONE_WORKFLOW }, (_, index) => {
      const at = (first + index) % 1440
      return { id: `s${index}`, type: 'schedule', parameters: { cron: `${at % 60} ${Math.floor(at / 60)} 15 ${month} *`, timeZone: 'Europe/Paris' } }
    }),
    connections: []
  }
}

async function idle ({ processes, database }: SeparateProduct, seconds: number): Promise<{ all: number, api: number, worker: number, postgres: number }> {
  const sessions = await database<Array<{ pid: number }>>`select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`
  const pids = [processes[0]!.pid, processes[1]!.pid, ...sessions.map(({ pid }) => pid)]
  const times = async (): Promise<number[]> => await Promise.all(pids.map(cpuOf))
  const before = await times()
  await sleep(seconds * 1000)
  const [api = 0, worker = 0, ...rest] = (await times()).map((time, index) => (time - before[index]!) / seconds)
  const postgres = rest.reduce((sum, part) => sum + part, 0)
  return { all: api + worker + postgres, api, worker, postgres }
}

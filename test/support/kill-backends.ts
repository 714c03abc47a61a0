import { setTimeout as sleep } from 'node:timers/promises'
import { until, type Site } from './durable-path.ts'

/** More queries than a pool has connections. */
const ALL_CONNECTIONS = 40

/** Ends each connection that the processes have with probability `share`, every `pause` to 2 × `pause` ms, until it is stopped. */
export function killBackends ({ database, sql }: Pick<Site, 'database' | 'sql'>, { share, pause }: { readonly share: number, readonly pause: number }): { readonly killed: number, stop (): Promise<number> } {
  const owner = database.owner()
  let stopped = false
  let killed = 0
  const killing = (async () => {
    while (!stopped) {
      killed += (await owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and random() < ${share}`).length
      await sleep(pause + Math.random() * pause)
    }
  })()
  return {
    get killed () { return killed },
    async stop () {
      stopped = true
      await killing
      await owner.end()
      // A connection of the pool may not have noticed its death yet: the next statement on it does, and fails.
      await until('the pool to have noticed its dead', async () => {
        const answers = await Promise.allSettled(Array.from({ length: ALL_CONNECTIONS }, async () => await sql`select pg_sleep(0.02)`))
        return answers.every(({ status }) => status === 'fulfilled')
      })
      return killed
    }
  }
}

import { parseArgs } from 'node:util'
import { loadConfig } from './config.ts'
import { createLog } from './log.ts'
import { findOrganizationBySlug } from './db/queries/quotas.ts'
import { isId, createIdSource } from './lib/ids.ts'
import { openDatabase } from './runtime/open-database.ts'
import { readQuota, setQuota, type QuotaChange } from './services/quotas/set-quota.ts'

const USAGE = `Usage: weconnect quotas show <organization>
       weconnect quotas set <organization> [--executions-per-month <n>] [--stored-bytes <n>] [--members <n>] [--requests-per-minute <n>]

<organization> is a slug, an id, or --default: all that have no quota of their own. A quota of one's own takes the
place of the default as a whole; the first one starts as a copy of it. <n> is a whole number, or none: no limit.
Running processes follow within a second or two. On the embedded default, stop the service first.
`
const USAGE_FAULT = 2
const OPTIONS = { 'executions-per-month': 'executionsPerMonth', 'stored-bytes': 'storedBytes', members: 'members', 'requests-per-minute': 'requestsPerMinute' } as const
const MOST: Readonly<Record<keyof QuotaChange, number>> = { executionsPerMonth: Number.MAX_SAFE_INTEGER, storedBytes: Number.MAX_SAFE_INTEGER, members: 1_000_000, requestsPerMinute: 100_000_000 }

class UsageFault extends Error {}

const say = (line: string): void => { process.stdout.write(`${line}\n`) }

/** `weconnect quotas`: on the database itself, since nobody who comes in through the API may say what an organization may have. */
async function run (command: 'show' | 'set', named: string | null, change: QuotaChange): Promise<number> {
  const config = loadConfig(process.env, 'all')
  const { database, embedded } = await openDatabase(config, createLog('warn'))
  const sql = database.service
  try {
    const found = named === null ? null : isId(named) ? { id: named } : await findOrganizationBySlug(sql, named)
    if (found === undefined) throw new UsageFault(`There is no organization with the slug ${String(named)}.`)
    const organizationId = found?.id ?? null
    if (command === 'set') await setQuota({ sql, nextId: createIdSource(Date.now) }, organizationId, change)
    const quota = await readQuota(sql, organizationId)
    for (const [option, name] of Object.entries(OPTIONS)) say(`${option.padEnd(21)} ${quota[name] ?? 'none'}`)
    return 0
  } finally {
    await database.close()
    await embedded?.close()
  }
}

function changeOf (values: Readonly<Record<string, string | boolean | undefined>>): QuotaChange {
  return Object.fromEntries(Object.entries(OPTIONS).flatMap(([option, name]) => {
    const text = values[option]
    return typeof text === 'string' ? [[name, numberOf(option, text, MOST[name])]] : []
  }))
}

function numberOf (option: string, text: string, most: number): number | null {
  if (text === 'none') return null
  const least = option === 'members' || option === 'requests-per-minute' ? 1 : 0
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  if (!(value >= least && value <= most)) throw new UsageFault(`--${option} takes a whole number from ${least} to ${most}, or none.`)
  return value
}

try {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: { 'executions-per-month': text, 'stored-bytes': text, members: text, 'requests-per-minute': text, default: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } }
  })
  const [group, command, named, ...rest] = positionals
  const change = changeOf(values)
  const changes = Object.keys(change).length > 0
  const asks = (command === 'show' && !changes) || (command === 'set' && changes)
  if (values.help) say(USAGE.trimEnd())
  else if (group !== 'quotas' || !asks || rest.length > 0 || (named === undefined) !== values.default) {
    process.stderr.write(USAGE)
    process.exitCode = USAGE_FAULT
  } else process.exitCode = await run(command, named ?? null, change)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof UsageFault ? USAGE_FAULT : 1
}

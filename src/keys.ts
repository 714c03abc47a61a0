import { parseArgs } from 'node:util'
import { ConfigError, loadConfig, type Config } from './config.ts'
import { createLog } from './log.ts'
import { openDatabase } from './runtime/open-database.ts'
import { openKeyring } from './runtime/open-keyring.ts'
import { replaceStoredKey, resolveSecrets, type Secrets } from './secrets.ts'
import { listKeys, rotateKeys } from './services/credentials/rotate-keys.ts'
import type { Sql } from './db/client.ts'

const USAGE = `Usage: weconnect keys list
       weconnect keys rotate [--batch <rows>]

list     which key has sealed how many credentials and tokens
rotate   wraps the keys of all of them with the current key, while the service runs

The keys are those of the environment: WECONNECT_ENCRYPTION_KEY and WECONNECT_PREVIOUS_ENCRYPTION_KEYS,
WECONNECT_ENCRYPTION_KEY_FILE, or WECONNECT_VAULT_ADDRESS. Interrupted, run it again: it goes on with what is left.
On the embedded default, stop the service first; rotate then makes a new key by itself.
`
const USAGE_FAULT = 2

const say = (line: string): void => { process.stdout.write(`${line}\n`) }

/** `weconnect keys`: on the database itself, since its keys never pass through the service's API. */
async function run (command: string, batch: number): Promise<number> {
  const config = loadConfig(process.env, 'all')
  const { database, embedded } = await openDatabase(config, createLog('warn'))
  try {
    const sql = database.service
    return command === 'list' ? await list(sql, config) : await rotate(sql, config, batch)
  } finally {
    await database.close()
    await embedded?.close()
  }
}

async function list (sql: Sql, config: Config): Promise<number> {
  for (const { id, state, count } of await listKeys(sql, openKeyring(config, await resolveSecrets(config)))) say(`${id}  ${state}  ${count}`)
  return 0
}

async function rotate (sql: Sql, config: Config, batch: number): Promise<number> {
  const keyring = openKeyring(config, await keysFor(sql, config))
  say(`Wrapping with ${keyring.current.id}`)
  const { done, total, unreadable } = await rotateKeys({ sql, keyring, batch, report: progress => { say(`${progress.done} of ${progress.total}`) } })
  if (unreadable > 0) {
    process.stderr.write(`${unreadable} cannot be opened with the keys that are configured, and were left as they are. weconnect keys list says which keys are missing.\n`)
    return 1
  }
  say(`Done: ${done} of ${total}. The earlier keys seal nothing any more; links that answer waiting executions may still need them.`)
  return 0
}

/** The embedded default keeps its keys itself: a new one is made once nothing is left to do for the last. */
async function keysFor (sql: Sql, config: Config): Promise<Pick<Secrets, 'encryptionKey' | 'previousKeys'>> {
  const secrets = await resolveSecrets(config)
  const own = config.encryptionKey === null && config.encryptionKeyFile === null && config.keyVault === null
  if (!own) return secrets
  const left = (await listKeys(sql, openKeyring(config, secrets))).some(({ state, count }) => state !== 'current' && count > 0)
  return left ? secrets : await replaceStoredKey(config.dataDir)
}

try {
  const { values, positionals } = parseArgs({ args: process.argv.slice(2), allowPositionals: true, options: { batch: { type: 'string', default: '500' }, help: { type: 'boolean', default: false } } })
  const [group, command, ...rest] = positionals
  const batch = Number(values.batch)
  if (values.help) say(USAGE.trimEnd())
  else if (group !== 'keys' || rest.length > 0 || (command !== 'list' && command !== 'rotate') || !Number.isInteger(batch) || batch < 1 || batch > 10_000) {
    process.stderr.write(USAGE)
    process.exitCode = USAGE_FAULT
  } else process.exitCode = await run(command, batch)
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError || error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

import { isIP } from 'node:net'
import { databaseAddress, isFault, isWebAddress, redisAddress } from './config/addresses.ts'
import { storageAddress, storageFaults } from './config/storage.ts'
import { keyVault, secretVault, vaultFaults, type KeyVault, type SecretVault } from './config/vaults.ts'
import { readEnvironment, unknownVariables, type ConfigFault } from './config/read-environment.ts'
import type { Environment, LogLevel } from './config/variables.ts'
import { encryptionKeyFault, jwtSecretFault } from './config/secret-strength.ts'
import type { DatabaseAddress } from './db/client.ts'
import type { RedisAddress } from './queue/redis.ts'
import { parseDuration } from './lib/duration.ts'
import { parseProxy } from './lib/guarded-fetch/target.ts'
import type { StorageAddress } from './storage/index.ts'

export type Mode = 'all' | 'api' | 'worker'

/** Times are milliseconds where the name does not say seconds or days; sizes are bytes. */
export interface Config {
  readonly mode: Mode
  readonly server: {
    readonly port: number
    readonly host: string
    readonly publicUrl: string | null
    /** How many proxies are in front, or the networks that they are in. */
    readonly trustProxy: false | number | readonly string[]
    readonly maxBodySize: number
    readonly maxBatchSize: number
    /** Requests a minute for one credential on /v1; 0 is without limit. */
    readonly rateLimit: number
    /** Of pages that may call the API. */
    readonly corsOrigins: readonly string[]
    /** A URI. */
    readonly securityContact: string | null
    /** Requests a minute of one organization on /hooks; 0 is without limit. */
    readonly hookRateLimit: number
  }
  /** null: the embedded database in `dataDir`. */
  readonly database: DatabaseAddress | null
  readonly databasePool: number
  readonly redis: RedisAddress | null
  readonly auth: { readonly accessLifetime: number, readonly refreshLifetime: number }
  /** As given; `loadOrCreateSecrets` fills in what the embedded default generates. */
  readonly jwtSecret: string | null
  /** Signed the access tokens that are still around. */
  readonly previousJwtSecrets: readonly string[]
  readonly encryptionKey: string | null
  /** Null: no mail server. */
  readonly mail: { readonly url: string, readonly from: string } | null
  readonly previousEncryptionKeys: readonly string[]
  readonly encryptionKeyFile: string | null
  /** Who wraps the keys of what is sealed, where it is not a key of ours. */
  readonly keyVault: KeyVault | null
  /** Where values of credentials are that are not kept here. */
  readonly secretVault: SecretVault | null
  readonly owner: { readonly email: string, readonly password: string } | null
  readonly dataDir: string
  readonly storage: StorageAddress
  /** Characters of JSON from which on a value is kept as a file. */
  readonly largeValueSize: number
  readonly maxFileSize: number
  /** The directory of `readWriteFile`; `{organization}` in it stands for the organization's id. */
  readonly filesRoot: string | null
  readonly egressAllow: readonly string[]
  readonly egressProxy: string | null
  /** `failures`: 0 is never */
  readonly circuit: { readonly failures: number, readonly pause: number }
  /** Names of installed packages, or paths. */
  readonly nodePackages: readonly string[]
  readonly retentionDays: number
  /** `port`: where a separate worker answers operators; 0 is nowhere. */
  readonly worker: { readonly port: number, readonly concurrency: number, readonly executionSlots: number, readonly leaseSeconds: number }
  /** Code nodes: processes at most, and bytes for each run. */
  readonly code: { readonly processes: number, readonly memory: number }
  readonly queue: {
    readonly prefix: string
    readonly attempts: number
    readonly backoffDelay: number
    readonly removeOnComplete: { readonly age: number, readonly count: number }
    readonly removeOnFail: { readonly age: number, readonly count: number }
  }
  readonly logLevel: LogLevel
  /** For the log, once it exists. */
  readonly warnings: readonly string[]
}

/** Everything that is wrong with the environment, at once, each with the variable and what to do. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[]

  constructor (faults: readonly ConfigFault[]) {
    const lines = faults.map(({ variable, problem, fix }) => `  ${variable} ${problem}: ${fix}.`)
    super(`WeConnect cannot start with this configuration:\n${lines.join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** Reads the environment once. Throws ConfigError. */
export function loadConfig (env: NodeJS.ProcessEnv, mode: Mode): Config {
  const { values, faults } = readEnvironment(env)
  const named = new Set(faults.map(fault => fault.variable))
  const database = databaseAddress(values)
  const redis = redisAddress(values)
  faults.push(...[database, redis].filter(isFault))
  // A variable whose value is wrong is not missing as well.
  faults.push(...crossFaults(values, mode, database !== null, redis !== null).filter(fault => !named.has(fault.variable)))
  if (faults.length > 0 || isFault(database) || isFault(redis)) throw new ConfigError(faults)
  return deepFreeze(configOf(values, mode, database, redis, unknownVariables(env)))
}

function crossFaults (env: Environment, mode: Mode, hasDatabase: boolean, hasRedis: boolean): ConfigFault[] {
  const faults: ConfigFault[] = []
  const add = (variable: string, problem: string | null, fix: string): void => {
    if (problem !== null) faults.push({ variable, problem, fix })
  }
  const separate = mode !== 'all'
  if (separate && !hasDatabase) add('DATABASE_URL', `is not set, and a separate ${mode} process needs PostgreSQL`, 'set it to postgres://user:password@host:5432/database')
  if (separate && !hasRedis) add('REDIS_URL', `is not set, and a separate ${mode} process needs Redis`, 'set it to redis://host:6379')
  const required = separate || hasDatabase
  add('JWT_SECRET', jwtSecretFault(env.JWT_SECRET, required), 'set it to the output of: openssl rand -base64 48')
  add('WECONNECT_ENCRYPTION_KEY', encryptionKeyFault(env.WECONNECT_ENCRYPTION_KEY, required && env.WECONNECT_ENCRYPTION_KEY_FILE === undefined), 'set it to the output of: openssl rand -base64 32')
  const previous = listOf(env.WECONNECT_PREVIOUS_ENCRYPTION_KEYS)
  add('WECONNECT_PREVIOUS_ENCRYPTION_KEYS', previous.map(key => encryptionKeyFault(key, true)).find(fault => fault !== null) ?? null, 'list keys of 32 bytes in base64, separated by commas')
  if (env.WECONNECT_ENCRYPTION_KEY_FILE !== undefined && (env.WECONNECT_ENCRYPTION_KEY !== undefined || previous.length > 0)) add('WECONNECT_ENCRYPTION_KEY_FILE', 'is set beside keys in the environment', 'set one or the other')
  faults.push(...vaultFaults(env))
  for (const secret of listOf(env.WECONNECT_JWT_PREVIOUS_SECRETS)) add('WECONNECT_JWT_PREVIOUS_SECRETS', jwtSecretFault(secret, false), 'leave that one out')
  for (const pair of [['WECONNECT_OWNER_EMAIL', 'WECONNECT_OWNER_PASSWORD'], ['WECONNECT_SMTP_URL', 'WECONNECT_MAIL_FROM']] as const) {
    const missing = pair.filter(name => env[name] === undefined)
    if (missing.length === 1) add(missing[0]!, 'is not set, while its counterpart is', 'set both, or neither')
  }
  if (env.WECONNECT_SMTP_URL !== undefined && !isMailServer(env.WECONNECT_SMTP_URL)) add('WECONNECT_SMTP_URL', 'is not an smtp or smtps address', 'set it to a URL such as smtp://user:password@mail.example.org:587')
  if (env.WECONNECT_PUBLIC_URL !== undefined && !isWebAddress(env.WECONNECT_PUBLIC_URL)) add('WECONNECT_PUBLIC_URL', 'is not an http or https address', 'set it to an address such as https://automation.example.org')
  const badOrigins = listOf(env.WECONNECT_CORS_ORIGINS).filter(origin => !isWebAddress(origin) || new URL(origin).origin !== origin)
  if (badOrigins.length > 0) add('WECONNECT_CORS_ORIGINS', `holds ${badOrigins.map(origin => JSON.stringify(origin)).join(', ')}, not origins`, 'set it to a list such as https://app.example.org, without paths and without *')
  if (env.WECONNECT_SECURITY_CONTACT !== undefined && !/^(https:\/\/|mailto:|tel:)\S+$/.test(env.WECONNECT_SECURITY_CONTACT)) add('WECONNECT_SECURITY_CONTACT', 'is not a URI', 'set it to a URI such as mailto:security@example.org')
  if (env.WECONNECT_EGRESS_PROXY !== undefined && !isProxy(env.WECONNECT_EGRESS_PROXY)) add('WECONNECT_EGRESS_PROXY', 'is not an http or https address, or its user name or password is not percent-encoded', 'set it to a URL such as http://proxy.internal:3128')
  faults.push(...storageFaults(env))
  const badNetworks = networks(env).filter(network => !isNetwork(network))
  if (badNetworks.length > 0) add('WECONNECT_EGRESS_ALLOW', `holds ${badNetworks.map(network => JSON.stringify(network)).join(', ')}, not networks`, 'set it to a list such as 10.0.0.0/8,127.0.0.1/32')
  const badProxies = proxyNetworks(env).filter(network => !isNetwork(network))
  if (badProxies.length > 0) add('WECONNECT_TRUST_PROXY', `holds ${badProxies.map(network => JSON.stringify(network)).join(', ')}, not networks`, 'set it to true, to a number of proxies, or to a list such as 10.0.0.0/8,192.0.2.7')
  return faults
}

function configOf (env: Environment, mode: Mode, database: DatabaseAddress | null, redis: RedisAddress | null, warnings: string[]): Config {
  return {
    mode,
    server: {
      port: env.PORT,
      host: env.HOST,
      publicUrl: env.WECONNECT_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
      trustProxy: trustedProxies(env),
      maxBodySize: env.WECONNECT_MAX_BODY_SIZE,
      maxBatchSize: env.WECONNECT_MAX_BATCH_SIZE,
      rateLimit: env.WECONNECT_RATE_LIMIT,
      corsOrigins: listOf(env.WECONNECT_CORS_ORIGINS),
      securityContact: env.WECONNECT_SECURITY_CONTACT ?? null,
      hookRateLimit: env.WECONNECT_HOOK_RATE_LIMIT
    },
    database,
    databasePool: env.WECONNECT_DATABASE_POOL,
    redis,
    auth: { accessLifetime: parseDuration(env.JWT_EXPIRES_IN), refreshLifetime: parseDuration(env.WECONNECT_REFRESH_EXPIRES_IN) },
    jwtSecret: env.JWT_SECRET ?? null,
    previousJwtSecrets: listOf(env.WECONNECT_JWT_PREVIOUS_SECRETS),
    encryptionKey: env.WECONNECT_ENCRYPTION_KEY ?? null,
    mail: env.WECONNECT_SMTP_URL === undefined || env.WECONNECT_MAIL_FROM === undefined ? null : { url: env.WECONNECT_SMTP_URL, from: env.WECONNECT_MAIL_FROM },
    previousEncryptionKeys: listOf(env.WECONNECT_PREVIOUS_ENCRYPTION_KEYS),
    encryptionKeyFile: env.WECONNECT_ENCRYPTION_KEY_FILE ?? null,
    keyVault: keyVault(env),
    secretVault: secretVault(env),
    owner: env.WECONNECT_OWNER_EMAIL === undefined || env.WECONNECT_OWNER_PASSWORD === undefined
      ? null
      : { email: env.WECONNECT_OWNER_EMAIL, password: env.WECONNECT_OWNER_PASSWORD },
    dataDir: env.WECONNECT_DATA_DIR,
    storage: storageAddress(env),
    largeValueSize: env.WECONNECT_LARGE_VALUE_SIZE,
    maxFileSize: env.WECONNECT_MAX_FILE_SIZE,
    filesRoot: env.WECONNECT_FILES_ROOT ?? null,
    egressAllow: networks(env),
    egressProxy: env.WECONNECT_EGRESS_PROXY ?? null,
    circuit: { failures: env.WECONNECT_CIRCUIT_FAILURES, pause: parseDuration(env.WECONNECT_CIRCUIT_PAUSE) },
    nodePackages: listOf(env.WECONNECT_NODE_PACKAGES),
    retentionDays: env.WECONNECT_RETENTION_DAYS,
    worker: { port: env.WECONNECT_WORKER_PORT, concurrency: env.WECONNECT_WORKER_CONCURRENCY, executionSlots: env.WECONNECT_EXECUTION_SLOTS, leaseSeconds: env.WECONNECT_LEASE_SECONDS },
    code: { processes: env.WECONNECT_CODE_PROCESSES, memory: env.WECONNECT_CODE_MEMORY * 1024 * 1024 },
    queue: {
      prefix: env.QUEUE_PREFIX,
      attempts: env.QUEUE_ATTEMPTS,
      backoffDelay: parseDuration(env.QUEUE_BACKOFF_DELAY),
      removeOnComplete: { age: env.QUEUE_REMOVE_ON_COMPLETE_AGE, count: env.QUEUE_REMOVE_ON_COMPLETE_COUNT },
      removeOnFail: { age: env.QUEUE_REMOVE_ON_FAIL_AGE, count: env.QUEUE_REMOVE_ON_FAIL_COUNT }
    },
    logLevel: env.LOG_LEVEL,
    warnings
  }
}

function networks (env: Environment): string[] {
  return listOf(env.WECONNECT_EGRESS_ALLOW)
}

/** The networks that proxies are in; empty where they are counted. */
function proxyNetworks ({ WECONNECT_TRUST_PROXY: text }: Environment): string[] {
  return /^(true|false|[0-9]+)$/.test(text) ? [] : listOf(text)
}

function trustedProxies (env: Environment): Config['server']['trustProxy'] {
  const text = env.WECONNECT_TRUST_PROXY
  if (text === 'false' || Number(text) === 0) return false
  if (text === 'true') return 1
  return /^[0-9]+$/.test(text) ? Number(text) : proxyNetworks(env)
}

function listOf (text = ''): string[] {
  return text.split(',').map(entry => entry.trim()).filter(entry => entry !== '')
}

function isNetwork (text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}

function isProxy (text: string): boolean {
  try {
    parseProxy(text)
    return true
  } catch {
    return false
  }
}

function isMailServer (text: string): boolean {
  return URL.canParse(text) && ['smtp:', 'smtps:'].includes(new URL(text).protocol) && new URL(text).hostname !== ''
}

function deepFreeze<T extends object> (value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) deepFreeze(member as object)
  }
  return Object.freeze(value)
}

import type { DatabaseAddress } from '../db/client.ts'
import type { RedisAddress } from '../queue/redis.ts'
import type { ConfigFault } from './read-environment.ts'
import type { Environment } from './variables.ts'

type Result<T> = T | ConfigFault | null

const SSL_MODES: Readonly<Record<string, DatabaseAddress['ssl']>> = {
  disable: false, allow: 'prefer', prefer: 'prefer', require: 'require', 'verify-ca': 'verify-full', 'verify-full': 'verify-full'
}
const DEFAULT_DATABASE_PORT = 5432
const DEFAULT_REDIS_PORT = 6379
const BAD_PORT = 'names a port that is not a number from 1 to 65535'

/** Of DATABASE_URL, else of DB_*; null where neither is set. */
export function databaseAddress (env: Environment): Result<DatabaseAddress> {
  if (env.DATABASE_URL !== undefined) return databaseFromUrl(env.DATABASE_URL)
  if (env.DB_HOST === undefined) return null
  return {
    ...endpoint(env.DB_HOST, env.DB_PORT ?? DEFAULT_DATABASE_PORT),
    username: env.DB_USERNAME ?? 'postgres',
    ...(env.DB_PASSWORD === undefined ? {} : { password: env.DB_PASSWORD }),
    database: env.DB_DATABASE ?? 'weconnect'
  }
}

function databaseFromUrl (text: string): Result<DatabaseAddress> {
  const fault = (problem: string): ConfigFault =>
    ({ variable: 'DATABASE_URL', problem, fix: 'set it to postgres://user:password@host:5432/database' })
  // libpq allows to leave the host out, URL does not.
  const url = parseUrl(text.replace(/^(postgres(?:ql)?:\/\/[^/?#@]*@)(?=[/?])/, '$1localhost'), ['postgres:', 'postgresql:'])
  if (url === null) return fault('is not a PostgreSQL URL')
  const host = url.searchParams.get('host') ?? url.hostname
  const database = decodeURIComponent(url.pathname.slice(1))
  const sslMode = url.searchParams.get('sslmode')
  if (host === '') return fault('names no host')
  if (database === '') return fault('names no database')
  if (sslMode !== null && !Object.hasOwn(SSL_MODES, sslMode)) return fault(`has the unknown sslmode ${JSON.stringify(sslMode.slice(0, 40))}`)
  const port = portOf(url.searchParams.get('port') ?? url.port, DEFAULT_DATABASE_PORT)
  if (port === null) return fault(BAD_PORT)
  const ssl = sslMode === null ? undefined : SSL_MODES[sslMode]
  // Those of the query have been decoded by URL already.
  const password = decodeURIComponent(url.password) || url.searchParams.get('password')
  return {
    ...endpoint(host, port),
    username: decodeURIComponent(url.username) || (url.searchParams.get('user') ?? 'postgres'),
    ...(password ? { password } : {}),
    database,
    ...(ssl === undefined ? {} : { ssl })
  }
}

function portOf (text: string, fallback: number): number | null {
  if (text === '') return fallback
  const port = Number(text)
  return /^[0-9]+$/.test(text) && port >= 1 && port <= 65_535 ? port : null
}

/** A host that begins with a slash is the directory of a socket, as with libpq. */
function endpoint (host: string, port: number): Pick<DatabaseAddress, 'host' | 'port' | 'path'> {
  if (host.startsWith('/')) return { path: `${host}/.s.PGSQL.${port}` }
  return { host: unbracket(host), port }
}

/** Of REDIS_URL, else of REDIS_*; null where neither is set. */
export function redisAddress (env: Environment): Result<RedisAddress> {
  if (env.REDIS_URL !== undefined) return redisFromUrl(env.REDIS_URL)
  if (env.REDIS_HOST === undefined) return null
  return {
    host: env.REDIS_HOST,
    port: env.REDIS_PORT ?? DEFAULT_REDIS_PORT,
    ...(env.REDIS_PASSWORD === undefined ? {} : { password: env.REDIS_PASSWORD }),
    database: 0,
    tls: false
  }
}

function redisFromUrl (text: string): Result<RedisAddress> {
  const fault = (problem: string): ConfigFault => ({ variable: 'REDIS_URL', problem, fix: 'set it to redis://host:6379 (rediss:// for TLS)' })
  const url = parseUrl(text, ['redis:', 'rediss:'])
  if (url === null || url.hostname === '') return fault('is not a Redis URL')
  const database = url.pathname.slice(1)
  if (!/^[0-9]{0,5}$/.test(database)) return fault('names a database that is not a number')
  const port = portOf(url.port, DEFAULT_REDIS_PORT)
  if (port === null) return fault(BAD_PORT)
  return {
    host: unbracket(url.hostname),
    port,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    database: Number(database),
    tls: url.protocol === 'rediss:'
  }
}

function parseUrl (text: string, protocols: readonly string[]): URL | null {
  try {
    const url = new URL(text)
    // A malformed escape would throw later, where it is decoded.
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part)
    return protocols.includes(url.protocol) ? url : null
  } catch {
    return null
  }
}

function unbracket (host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

export function isFault (value: object | null): value is ConfigFault {
  return value !== null && 'problem' in value
}

export function isWebAddress (text: string | undefined): boolean {
  return text !== undefined && URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
}

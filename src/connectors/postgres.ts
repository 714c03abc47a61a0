import postgres from 'postgres'
import type { Credential } from '../engine/credentials/index.ts'
import type { JsonObject } from '../engine/item.ts'
import { NodeError } from '../engine/node-error.ts'
import type { Limits, SqlRequest, SqlResult } from '../engine/nodes/connect.ts'
import type { GuardedConnect } from '../lib/guarded-socket.ts'
import { codeOf, connectionError, endpointOf, openEndpoint } from './endpoint.ts'
import { toJsonValue } from './json-value.ts'
import { within } from './within.ts'

export interface SqlPool {
  query (request: SqlRequest, limits: Limits): Promise<SqlResult>
  close (): Promise<void>
}

const DEFAULT_PORT = 5432
const CONNECTIONS = 4
const BATCH = 500
const CONNECT_SECONDS = 10
/** Failures of the connection; the others are answers of the server. */
const CONNECTION_CODES = /^(CONN|E[A-Z]+$|CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_)/
/** Classes and codes after which the same statement may succeed: connections, resources, operator, serialization, deadlock, locks. */
const PASSING = /^(08|53|57P|40001|40P01|55P03)/

export async function openPostgres (credential: Credential, connect: GuardedConnect): Promise<SqlPool> {
  const endpoint = endpointOf(credential, DEFAULT_PORT)
  const { host, port, tls, username, password } = endpoint
  const sql = postgres({
    host,
    port,
    username,
    password: password ?? '',
    database: String(credential.data['database']),
    max: CONNECTIONS,
    idle_timeout: 30,
    connect_timeout: CONNECT_SECONDS,
    ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verified' },
    connection: { application_name: 'weconnect workflow' },
    onnotice: () => {},
    // For the driver's TLS, which takes the name to verify from its socket.
    socket: async () => Object.assign(await openEndpoint(connect, credential, endpoint), { host, port })
  } as unknown as postgres.Options<Record<string, never>>)

  return {
    async query ({ text, values, readOnly, maxRows }, limits) {
      let running: { cancel: () => void } | undefined
      const statement = (on: postgres.Sql): postgres.PendingQuery<postgres.Row[]> => {
        // Not the simple protocol: it would take several statements in one text.
        const query = on.unsafe(text, values.map(value => value === undefined ? null : value) as never[], { simple: false } as never)
        running = query as unknown as { cancel: () => void }
        return query as unknown as postgres.PendingQuery<postgres.Row[]>
      }
      try {
        return await within(limits, () => { running?.cancel() }, async () => readOnly
          ? await sql.begin('read only', async tx => await collect(statement(tx as unknown as postgres.Sql), maxRows)) as SqlResult
          // One statement, and no transaction around it: on a connection that dies in between, the driver would go on without one.
          : await collect(statement(sql), maxRows))
      } catch (error) {
        throw toNodeError(error, host)
      }
    },
    close: async () => { await sql.end({ timeout: 1 }) }
  }
}

async function collect (query: postgres.PendingQuery<postgres.Row[]>, maxRows: number): Promise<SqlResult> {
  const rows: JsonObject[] = []
  let changed = 0
  for await (const batch of query.cursor(BATCH)) {
    changed += (batch as unknown as { count?: number }).count ?? 0
    for (const row of batch) rows.push(toJsonValue(row) as JsonObject)
    if (rows.length > maxRows) throw new NodeError('WC_SQL_TOO_LARGE', `The result has more than ${maxRows} rows. Ask for fewer, or raise maxRows.`, { pointer: '/maxRows' })
  }
  return { rows, rowCount: rows.length > 0 ? rows.length : changed }
}

function toNodeError (error: unknown, host: string): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error
  const code = codeOf(error)
  if (error.name !== 'PostgresError') return CONNECTION_CODES.test(code) ? connectionError(error, host, 'WC_CONNECTION_LOST') : error
  const { position, constraint_name: constraint } = error as { position?: string, constraint_name?: string }
  return new NodeError('WC_SQL', `${error.message} (${code})`, {
    retryable: PASSING.test(code),
    data: { code, ...(position === undefined ? {} : { position: Number(position) }), ...(constraint === undefined ? {} : { constraint }) }
  })
}

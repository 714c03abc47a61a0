import { createPool } from 'mysql2/promise'
import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import { connect as openTcp } from 'node:net'
import type { Credential } from '../engine/credentials/index.ts'
import type { JsonObject } from '../engine/item.ts'
import { NodeError } from '../engine/node-error.ts'
import type { SqlRequest, SqlResult } from '../engine/nodes/connect.ts'
import type { GuardedConnect } from '../lib/guarded-socket.ts'
import { codeOf, connectionError, endpointOf, openEndpoint } from './endpoint.ts'
import { toJsonValue } from './json-value.ts'
import type { SqlPool } from './postgres.ts'
import { within } from './within.ts'

const DEFAULT_PORT = 3306
const CONNECTIONS = 4
const IDLE = 30_000
/** Deadlock, lock wait, too many connections, shutdown. */
const PASSING: ReadonlySet<string> = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CON_COUNT_ERROR', 'ER_SERVER_SHUTDOWN'])

export async function openMysql (credential: Credential, connect: GuardedConnect): Promise<SqlPool> {
  const endpoint = endpointOf(credential, DEFAULT_PORT)
  const { host, port, username, password, tls } = endpoint
  // The driver wants its sockets at once: each goes to the address that this one was let through to.
  const first = await openEndpoint(connect, credential, endpoint)
  const address = first.remoteAddress ?? ''
  first.destroy()
  const pool = createPool({
    host,
    port,
    ...(username !== undefined && { user: username }),
    ...(password !== undefined && { password }),
    database: String(credential.data['database']),
    connectionLimit: CONNECTIONS,
    maxIdle: CONNECTIONS,
    idleTimeout: IDLE,
    ...(tls !== 'off' && { ssl: { rejectUnauthorized: tls === 'verified' } }),
    stream: () => openTcp({ host: address, port, noDelay: true }),
    multipleStatements: false,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: 'Z'
  })

  return {
    async query (request, limits) {
      let connection: PoolConnection | undefined
      try {
        const rows = await within(limits, () => { connection?.destroy() }, async () => {
          connection = await pool.getConnection()
          return await run(connection, request)
        })
        connection?.release()
        return rows
      } catch (error) {
        // Its state is not known: half of a result may still be on its way.
        connection?.destroy()
        throw toNodeError(error, host)
      }
    },
    close: async () => { await pool.end() }
  }
}

async function run (connection: PoolConnection, { text, values, readOnly, maxRows }: SqlRequest): Promise<SqlResult> {
  if (readOnly) await connection.query('start transaction read only')
  const [result] = await connection.execute<RowDataPacket[] | ResultSetHeader>({ sql: text, values: values.map(value => toSqlValue(value)) as never })
  if (readOnly) await connection.query('commit')
  if (!Array.isArray(result)) return { rows: result.insertId > 0 ? [{ insertId: result.insertId }] : [], rowCount: result.affectedRows }
  if (result.length > maxRows) throw new NodeError('WC_SQL_TOO_LARGE', `The result has more than ${maxRows} rows. Ask for fewer, or raise maxRows.`, { pointer: '/maxRows' })
  return { rows: result.map(row => toJsonValue({ ...row }) as JsonObject), rowCount: result.length }
}

function toSqlValue (value: unknown): unknown {
  if (value === undefined) return null
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

function toNodeError (error: unknown, host: string): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error
  const code = codeOf(error)
  const { sqlState, sqlMessage } = error as { sqlState?: string, sqlMessage?: string }
  if (sqlState === undefined) return code === '' ? error : connectionError(error, host, 'WC_CONNECTION_LOST')
  return new NodeError('WC_SQL', `${String(sqlMessage ?? error.message).slice(0, 500)} (${code})`, { retryable: PASSING.has(code), data: { code, sqlState } })
}

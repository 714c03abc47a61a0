import { randomBytes } from 'node:crypto'
import postgres from 'postgres'

export interface ServerDatabase {
  readonly name: string
  readonly url: string
  drop (): Promise<void>
}

/**
 * A database of its own on a PostgreSQL server. On the one of all tests, where TEST_DATABASE_TEMPLATE names a migrated database
 * (see scripts/run-tests.js), it is a copy, which costs a tenth of the migrations.
 */
export async function serverDatabase (serverUrl: string): Promise<ServerDatabase> {
  const name = `wc_test_${randomBytes(8).toString('hex')}`
  const template = serverUrl === process.env['TEST_DATABASE_URL'] ? process.env['TEST_DATABASE_TEMPLATE'] : undefined
  await administer(serverUrl, `create database ${name}${template === undefined ? '' : ` template ${template}`}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return { name, url: url.href, drop: async () => { await administer(serverUrl, `drop database if exists ${name} with (force)`) } }
}

async function administer (serverUrl: string, statement: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
  await sql.unsafe(statement).finally(async () => { await sql.end() })
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Sql } from '../../src/db/client.ts'
import { MIGRATIONS_FOLDER } from '../../src/db/migrate.ts'
import { testDatabase } from '../support/database.ts'
import { until } from '../support/durable-path.ts'

const DIRECTIONS = [['execution_events', 'executions'], ['executions', 'execution_events']] as const

t.test('0028 takes the locks of two tables beside statements that take them in either order', { skip: process.env['TEST_DATABASE_URL'] === undefined && 'the embedded database has one session' }, async t => {
  const database = await testDatabase(t)
  // The same once more: it drops what it makes.
  const migration = await readFile(join(MIGRATIONS_FOLDER, '0028_ascending_indexes.sql'), 'utf8')
  const [migrating, running, watching] = [database.owner(), database.owner(), database.owner()]
  t.teardown(async () => { await Promise.all([migrating, running, watching].map(async sql => { await sql.end() })) })

  async function isWaiting (sql: Sql, pid: number): Promise<boolean> {
    const [found] = await sql`select wait_event_type from pg_stat_activity where pid = ${pid}`
    return found?.['wait_event_type'] === 'Lock'
  }

  for (const [first, second] of DIRECTIONS) {
    await t.test(`${first} before ${second}`, async t => {
      const [{ pid }] = await migrating<[{ pid: number }]>`select pg_backend_pid() as pid`
      let done: Promise<unknown> | undefined
      await running.begin(async statement => {
        await statement.unsafe(`lock table ${first} in row exclusive mode`)
        done = migrating.begin(async sql => { await sql.unsafe(migration) })
        await until(`the migration to wait for ${first}`, async () => await isWaiting(watching, pid))
        await statement.unsafe(`lock table ${second} in row exclusive mode`)
      })
      await done
      const indexes = await watching`select indexdef from pg_indexes where tablename in ('executions', 'execution_events') and indexdef ilike '%organization_id%'`
      t.equal(indexes.length, 2)
      t.ok(indexes.every(({ indexdef }) => !/desc/i.test(String(indexdef))))
    })
  }
})

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { migrate, MIGRATIONS_FOLDER } from '../../src/db/migrate.ts'
import { ensurePartitions, PARTITIONED_TABLES } from '../../src/db/partitions.ts'
import { testDatabase } from '../support/database.ts'

const DAY = 86_400_000
const MIGRATION_LOCK = 7_713_520_661

const database = await testDatabase(t)
const owner = database.owner()
const other = database.owner()
t.teardown(async () => { await Promise.all([owner.end(), other.end()]) })

function named (days: readonly number[]): string[] {
  return days.flatMap(day => PARTITIONED_TABLES.map(table => `${table}_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`))
}

t.test('the partitions that are needed first are made first, the rest when asked for, and none twice', async t => {
  const now = Date.now() + 100 * DAY
  t.strictSame(await ensurePartitions(owner, now, 1), named([now, now + DAY, now - DAY]))
  t.strictSame(await ensurePartitions(owner, now), named([2, 3, 4, 5, 6, 7].map(days => now + days * DAY)))
  t.strictSame(await ensurePartitions(owner, now), [])
})

t.test('two processes at once make each partition once', async t => {
  const now = Date.now() + 200 * DAY
  const made = await Promise.all([ensurePartitions(owner, now), ensurePartitions(other, now)])
  t.equal(made.flat().length, 9 * PARTITIONED_TABLES.length)
  t.equal(new Set(made.flat()).size, 9 * PARTITIONED_TABLES.length)
})

t.test('the journal names each migration once, in the order in which they are applied', async t => {
  const { entries } = JSON.parse(await readFile(join(MIGRATIONS_FOLDER, 'meta', '_journal.json'), 'utf8')) as { entries: Array<{ idx: number, when: number, tag: string }> }
  const files = (await readdir(MIGRATIONS_FOLDER)).filter(name => name.endsWith('.sql')).sort()
  t.same(entries.map(({ tag }) => `${tag}.sql`), files)
  // What is not above the newest that a database has is never applied to it.
  for (const [at, { idx, when, tag }] of entries.entries()) {
    t.equal(idx, Number(tag.slice(0, 4)), tag)
    t.ok(at === 0 || when > entries[at - 1]!.when, `${tag} is younger than the one before`)
  }
})

t.test('where the schema is the newest, nobody waits for who migrates', async t => {
  await other`select pg_advisory_lock(${MIGRATION_LOCK})`
  await migrate(owner)
  await other`select pg_advisory_unlock(${MIGRATION_LOCK})`
  t.pass('it came back')
})

t.test('what is not recorded as applied is not taken to be there', async t => {
  await owner`drop schema drizzle cascade`
  await t.rejects(migrate(owner), 'so it applied the migrations, to tables that stood there')
})

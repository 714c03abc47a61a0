import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type EmbeddedConnection, startEmbedded } from '../../src/db/embedded/index.ts'
import { connectTo, kill, quiet, seedWithNotes, spawnOwner, withDatabase } from '../fixtures/embedded.ts'

t.setTimeout(300_000)

let seed: string
t.before(async () => { seed = await seedWithNotes(join(t.testdir(), 'seed.tar.gz')) })

t.test('a first start that was killed half-way does not harm the next', async t => {
  const dataDir = t.testdir()
  mkdirSync(join(dataDir, 'pgdata.new', 'base'), { recursive: true })
  writeFileSync(join(dataDir, 'pgdata.new', 'PG_VERSION'), '18\n')
  await withDatabase(dataDir, seed, async sql => { t.equal((await sql`select * from notes`).length, 1) })

  let interrupted = 0
  for (const delayMs of [0, 50, 200]) {
    rmSync(join(dataDir, 'pgdata'), { recursive: true, force: true })
    const owner = spawnOwner(t, dataDir, seed)
    while (!existsSync(join(dataDir, 'pgdata.new')) && !existsSync(join(dataDir, 'pgdata'))) await sleep(1)
    await sleep(delayMs)
    await kill(owner.process)
    if (!existsSync(join(dataDir, 'pgdata'))) interrupted++
    await withDatabase(dataDir, seed, async sql => { t.equal((await sql`select * from notes`).length, 1) })
  }
  t.ok(interrupted > 0, 'at least one was killed while it unpacked')
})

t.test('kill -9 while connections insert loses nothing that was acknowledged', async t => {
  // Short enough for the socket to lie inside, where the killed process leaves it.
  const dataDir = mkdtempSync(join(tmpdir(), 'embedded-'))
  t.teardown(() => { rmSync(dataDir, { recursive: true, force: true }) })
  let next = 1
  const acknowledged = new Set<number>([0])
  for (let round = 0; round < 4; round++) {
    const owner = spawnOwner(t, dataDir, seed)
    const { connection } = await owner.report('connection') as unknown as { connection: EmbeddedConnection }
    const sql = connectTo(t, connection)
    const found = new Set((await sql<{ id: number }[]>`select id from notes`).map(row => row.id))
    t.same([...acknowledged].filter(id => !found.has(id)), [], `round ${round}: ${acknowledged.size} rows`)

    let alive = true
    const lanes = Array.from({ length: 4 }, async () => {
      while (alive) {
        const ids = Array.from({ length: 10 }, () => next++)
        try {
          await sql`insert into notes select id::int, repeat('x', 300) from string_to_table(${ids.join(' ')}, ' ') as id`
          for (const id of ids) acknowledged.add(id)
        } catch {
          alive = false
        }
      }
    })
    await sleep(300 + 150 * round)
    await kill(owner.process)
    await Promise.all(lanes)
  }
  t.ok(acknowledged.size > 100, `${acknowledged.size} rows were acknowledged`)
})

t.test('a database that dies says so, refuses everything and can still be closed', async t => {
  const dataDir = t.testdir()
  const database = await startEmbedded({ dataDir, seed, log: quiet })
  const failed = new Promise<Error>(resolve => database.onFailure(resolve))
  const sql = connectTo(t, database.connection)
  await sql`select 1`
  rmSync(join(dataDir, 'pgdata', 'pg_wal'), { recursive: true })
  await t.rejects(async () => {
    for (let round = 0; round < 100; round++) {
      await sql`insert into notes select ${round * 10_000} + n, repeat('x', 1000) from generate_series(1, 10000) n`
    }
  })
  t.match((await failed).message, /^The embedded database has stopped: /)
  t.comment((await failed).message)
  await t.rejects(sql`select 1`)
  await database.close()
  t.equal(readdirSync(dataDir).includes('run'), false)
})

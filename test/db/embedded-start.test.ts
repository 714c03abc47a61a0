import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startEmbedded } from '../../src/db/embedded/index.ts'
import { connectTo, quiet, seedWithNotes, spawnOwner, withDatabase } from '../fixtures/embedded.ts'

t.setTimeout(240_000)

let seed: string
t.before(async () => { seed = await seedWithNotes(join(t.testdir(), 'seed.tar.gz')) })

t.test('a first start begins from the seed, and a later one from what the first left', async t => {
  const dataDir = join(t.testdir(), 'deep', 'down')
  await withDatabase(dataDir, seed, async sql => {
    t.same(await sql`select note from notes`, [{ note: 'from the seed' }])
    await sql`insert into notes values (1, 'kept')`
  })
  await withDatabase(dataDir, seed, async sql => {
    t.same(await sql`select note from notes order by id`, [{ note: 'from the seed' }, { note: 'kept' }])
  })
  t.equal(statSync(dataDir).mode & 0o077, 0, 'nobody else may look inside')
  t.notOk(existsSync(join(dataDir, 'run')), 'the socket is gone')
})

t.test('closing twice is closing once, and open connections are told', async t => {
  const database = await startEmbedded({ dataDir: t.testdir(), seed, log: quiet })
  const sql = connectTo(t, database.connection)
  await sql`select 1`
  await Promise.all([database.close(), database.close()])
  await database.close()
  await t.rejects(sql`select 1`)
})

t.test('a path too long for a socket works through the directory for temporary files', async t => {
  const dataDir = join(t.testdir(), 'x'.repeat(120))
  await withDatabase(dataDir, seed, async (sql, database) => {
    t.same(await sql`select note from notes`, [{ note: 'from the seed' }])
    const directory = join(database.connection.path ?? '', '..')
    t.equal(statSync(directory).mode & 0o777, 0o700)
  })
})

t.test('a second process is refused, and gets the directory when the first has closed', async t => {
  const dataDir = t.testdir()
  const owner = spawnOwner(t, dataDir, seed)
  await owner.report('connection')
  const second = spawnOwner(t, dataDir, seed)
  t.match(await second.report('refused'), { refused: `in use by process ${owner.process.pid}` })
  owner.process.stdin?.write('close')
  await once(owner.process, 'exit')
  await withDatabase(dataDir, seed, async sql => { t.equal((await sql`select * from notes`).length, 1) })
})

t.test('a damaged seed is an error that leaves nothing behind', async t => {
  const directory = t.testdir()
  const damaged = join(directory, 'damaged.tar.gz')
  const whole = readFileSync(seed)
  const dataDir = join(directory, 'data')
  writeFileSync(damaged, whole.subarray(0, whole.length / 2))
  await t.rejects(startEmbedded({ dataDir, seed: damaged, log: quiet }))
  t.notOk(existsSync(join(dataDir, 'pgdata')))
  await withDatabase(dataDir, seed, async sql => { t.equal((await sql`select * from notes`).length, 1) })
})

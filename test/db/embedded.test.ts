import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { type EmbeddedDatabase, startEmbedded } from '../../src/db/embedded/index.ts'
import { findMessage, messageType, parseMessage, queryMessage, readError, startupMessage, syncMessage } from '../../src/db/embedded/wire.ts'

const IDLE_IN_TRANSACTION_MS = 400

// Of the unnamed portal and statement, without parameters.
const bindMessage = Buffer.from([0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0])
const executeMessage = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])

t.setTimeout(120_000)

let database: EmbeddedDatabase

t.before(async () => {
  database = await startEmbedded({
    dataDir: t.testdir(),
    seed: null,
    idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
    maintenance: { intervalMs: 50 },
    log: (level, message, data) => { if (level !== 'info') t.fail(message, data as object) }
  })
  database.onFailure(error => { t.fail(error.message) })
  const sql = postgres({ ...database.connection, max: 1 })
  await sql.unsafe('create table items (id bigint generated always as identity primary key, name text not null)')
  await sql.end()
})

t.teardown(async () => await database.close())

function client (t: Test, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  const sql = postgres({ ...database.connection, onnotice: () => {}, max: 4, ...options } as postgres.Options<Record<string, never>>)
  t.teardown(async () => await sql.end({ timeout: 1 }))
  return sql
}

/** A connection that says exactly what it is told to. */
async function rawConnection (t: Test): Promise<{ socket: Socket, ask: (...messages: Buffer[]) => Promise<Buffer> }> {
  const socket = connect(database.connection.path ?? '')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  async function ask (...messages: Buffer[]): Promise<Buffer> {
    socket.write(Buffer.concat(messages))
    let answer = Buffer.alloc(0)
    // ReadyForQuery has six bytes.
    while (answer.at(-6) !== 0x5a) answer = Buffer.concat([answer, (await once(socket, 'data'))[0] as Buffer])
    return answer
  }
  await ask(startupMessage({ user: 'postgres', database: 'postgres' }))
  return { socket, ask }
}

t.test('twenty connections of several clients work at once and keep their transactions apart', async t => {
  const clients = Array.from({ length: 5 }, () => client(t, { max: 4 }))
  const transactions = clients.flatMap((sql, c) => Array.from({ length: 8 }, async (_, i) => await sql.begin(async tx => {
    const name = `apart ${c}/${i}`
    const [before] = await tx`select pg_current_xact_id()::text as id, pg_snapshot_xmin(pg_current_snapshot())::text as xmin`
    await tx`insert into items (name) values (${name})`
    const [after] = await tx`select pg_current_xact_id()::text as id`
    t.equal(after?.['id'], before?.['id'])
    if (i % 2 === 1) throw new Error('roll back')
  })))
  const outcomes = await Promise.allSettled(transactions)
  t.equal(outcomes.filter(outcome => outcome.status === 'fulfilled').length, 20)
  const names = await client(t)`select name from items where name like 'apart %'`
  t.equal(names.length, 20)
  t.ok(names.every(({ name }) => Number((name as string).slice(-1)) % 2 === 0))
})

t.test('connections that prepare different statements never get each other\'s', async t => {
  for (const prepare of [true, false]) {
    const clients = Array.from({ length: 4 }, () => client(t, { max: 3, prepare }))
    const questions = clients.flatMap((sql, c) => Array.from({ length: 60 }, async (_, i) => {
      const [row] = await sql.unsafe(`select ${c} as c, $1::int as i, '${'x'.repeat(i % 7)}' as x`, [i], { prepare })
      t.same(row, { c, i, x: 'x'.repeat(i % 7) })
    }))
    await Promise.all(questions)
  }
})

t.test('messages of one connection are not mixed with those of another, however they arrive', async t => {
  const sql = client(t)
  const { socket, ask } = await rawConnection(t)
  socket.write(parseMessage('insert into items (name) values (\'half\')').subarray(0, 20))
  t.same(await sql`select 1 as one`, [{ one: 1 }])
  socket.write(parseMessage('insert into items (name) values (\'half\')').subarray(20))
  t.same(await sql`select ${2}::int as two`, [{ two: 2 }])
  t.equal(findMessage(await ask(syncMessage()), messageType.error), undefined)
})

t.test('an error in a pipeline fails its own statement and no other', async t => {
  const sql = client(t, { max: 1 })
  const other = client(t, { max: 1 })
  const outcomes = await Promise.allSettled([
    sql`select 1`, sql`select 1 / ${0}::int`, sql`select 2`, other`select 3`, sql.unsafe('selec'), other`select 4`, sql`select 5`
  ])
  t.same(outcomes.map(outcome => outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as { code: string }).code),
    ['ok', '22012', 'ok', 'ok', '42601', 'ok', 'ok'])
})

t.test('a connection that dies inside a transaction is rolled back, and the others go on', async t => {
  const sql = client(t)
  const { socket, ask } = await rawConnection(t)
  await ask(queryMessage('begin'))
  await ask(queryMessage('insert into items (name) values (\'orphan\')'))
  const waiting = sql`select count(*)::int as orphans from items where name = 'orphan'`
  void waiting.execute()
  socket.destroy()
  t.same(await waiting, [{ orphans: 0 }])
})

t.test('a connection that dies between Flush and Sync leaves nothing', async t => {
  const sql = client(t)
  const { socket } = await rawConnection(t)
  const flush = Buffer.from([0x48, 0, 0, 0, 4])
  socket.write(Buffer.concat([parseMessage('insert into items (name) values (\'unsynced\')'), bindMessage, executeMessage, flush]))
  const [answer] = await once(socket, 'data') as [Buffer]
  t.ok(findMessage(answer, 0x43), 'the statement has run')
  socket.destroy()
  t.same(await sql`select count(*)::int as rows from items where name = 'unsynced'`, [{ rows: 0 }])
})

t.test('a transaction that its connection forgets is ended', async t => {
  const { ask, socket } = await rawConnection(t)
  await ask(queryMessage('begin'))
  await ask(queryMessage('insert into items (name) values (\'forgotten\')'))
  const farewell = once(socket, 'data')
  t.same(await client(t)`select count(*)::int as rows from items where name = 'forgotten'`, [{ rows: 0 }])
  t.equal(readError((await farewell)[0] as Buffer).code, '25P03')
})

t.test('prepared statements go with their connection', async t => {
  const sql = client(t, { max: 1 })
  const other = postgres({ ...database.connection, max: 3 })
  await Promise.all(Array.from({ length: 30 }, async (_, i) => await other.unsafe(`select ${i} as gone, $1::int`, [i], { prepare: true })))
  await other.end()
  t.same(await sql`select count(*)::int as left from pg_prepared_statements where statement like ${'%as gone%'}`, [{ left: 0 }])
})

t.test('large values go in and out', async t => {
  const value = 'é'.repeat(2.5 * 1024 * 1024)
  const [row] = await client(t)`select ${value}::text as value, octet_length(${value}) as bytes`
  t.equal(row?.['bytes'], 5 * 1024 * 1024)
  t.ok(row?.['value'] === value)
})

t.test('a cursor reads on while others wait', async t => {
  const sql = client(t)
  let rows = 0
  const reading = sql`select generate_series(1, 1000)`.cursor(100, chunk => { rows += chunk.length })
  t.same(await sql`select 1 as one`, [{ one: 1 }])
  await reading
  t.equal(rows, 1000)
})

t.test('COPY from a client is refused instead of hanging', async t => {
  const { ask } = await rawConnection(t)
  const refused = findMessage(await ask(queryMessage('copy items (name) from stdin')), messageType.error)
  t.match(readError(refused ?? Buffer.alloc(0)), { code: '57014', message: /takes no COPY/ })
  t.equal(findMessage(await ask(queryMessage('select \'copy from stdin\'')), messageType.error), undefined)
  const extended = await ask(parseMessage('COPY items (name) FROM STDIN'), bindMessage, executeMessage, syncMessage())
  t.equal(readError(findMessage(extended, messageType.error) ?? Buffer.alloc(0)).code, '57014')
  t.same(await client(t)`select 1 as one`, [{ one: 1 }])
})

t.test('bytes that are not the protocol end their own connection only', async t => {
  const sql = client(t, { max: 1 })
  await sql`select 1`
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\x09\0\0\0\0\0']) {
    const socket = connect(database.connection.path ?? '')
    await once(socket, 'connect')
    socket.end(garbage)
    const [answer] = await once(socket, 'data') as [Buffer]
    t.equal(readError(answer).code, '08P01')
  }
  const { socket } = await rawConnection(t)
  socket.write(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]))
  t.equal(readError((await once(socket, 'data'))[0] as Buffer).code, '08P01')
  t.same(await sql`select 1 as one`, [{ one: 1 }])
})

t.test('row-level security holds for a local role, and for a connection that starts in a role', async t => {
  const owner = client(t, { max: 1 })
  await owner.unsafe(`
    create role tenant nologin; create role nobody nologin;
    create table secrets (organization_id text, secret text);
    alter table secrets enable row level security;
    create policy own on secrets to tenant using (organization_id = current_setting('app.organization', true));
    grant select on secrets to tenant;
    insert into secrets values ('a', 'of a'), ('b', 'of b')`)
  const seen = await owner.begin(async tx => {
    await tx`set local role tenant`
    await tx`select set_config('app.organization', 'a', true)`
    return await tx`select secret from secrets`
  })
  t.same(seen, [{ secret: 'of a' }])
  t.same(await owner`select current_user::text as role, current_setting('app.organization', true) as organization`, [{ role: 'postgres', organization: '' }])

  const nobody = client(t, { connection: { role: 'nobody' } as never })
  for (let i = 0; i < 3; i++) {
    await t.rejects(nobody`select * from secrets`, { code: '42501' })
    t.equal((await owner`select * from secrets`).length, 2, 'the role stays with its connection')
  }
  const inRole = await nobody.begin(async tx => {
    await tx`select set_config('role', 'tenant', true), set_config('app.organization', 'b', true)`
    return await tx`select secret from secrets`
  })
  t.same(inRole, [{ secret: 'of b' }])
  t.same(await nobody`select current_user::text as role`, [{ role: 'nobody' }])
  const unknown = client(t, { connection: { role: 'no such role' } as never })
  await t.rejects(unknown`select 1`, { code: '22023' })
})

t.test('partitions by ranges of UUIDs, and advisory locks of a transaction', async t => {
  const sql = client(t)
  await sql.unsafe(`
    create table parts (id uuid primary key) partition by range (id);
    create table parts_1 partition of parts for values from ('00000000-0000-0000-0000-000000000000') to ('80000000-0000-0000-0000-000000000000')`)
  await sql`insert into parts values ('10000000-0000-0000-0000-000000000000')`
  await t.rejects(sql`insert into parts values ('90000000-0000-0000-0000-000000000000')`, { code: '23514' })
  await sql.begin(async tx => {
    await tx`select pg_advisory_xact_lock(1)`
    t.same(await tx`select count(*)::int as held from pg_locks where locktype = 'advisory'`, [{ held: 1 }])
  })
  t.same(await sql`select count(*)::int as held from pg_locks where locktype = 'advisory'`, [{ held: 0 }])
})

t.test('maintenance vacuums and checkpoints in the gaps and fails nobody', async t => {
  const sql = client(t)
  await sql.unsafe('create table churn (id int primary key, payload text)')
  await sql`insert into churn select n, repeat('x', 1000) from generate_series(1, 3000) n`
  for (let round = 0; round < 5; round++) await sql`update churn set payload = payload || ${String(round)}`
  await sql.begin(async tx => {
    await tx`update churn set payload = 'in a transaction' where id = 1`
    await sleep(IDLE_IN_TRANSACTION_MS / 2)
    t.same(await tx`select payload from churn where id = 1`, [{ payload: 'in a transaction' }])
  })
  // Statistics reach the view with a delay of about a second.
  const deadline = Date.now() + 60_000
  let churn: postgres.Row | undefined
  while (Date.now() < deadline && !(churn?.['updates'] === 15_001 && churn['dead'] === 0)) {
    await sleep(1_200)
    churn = (await sql`select n_tup_upd::int as updates, n_dead_tup::int as dead from pg_stat_user_tables where relname = 'churn'`)[0]
  }
  t.match(churn, { updates: 15_001, dead: 0 })
})

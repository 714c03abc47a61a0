import t from 'tap'
import { createConnectors } from '../../src/connectors/index.ts'
import { postgres } from '../../src/engine/nodes/outside/sql.ts'
import type { Credential } from '../../src/engine/credentials/index.ts'
import { databaseCredential } from '../support/database-credential.ts'
import { testDatabase } from '../support/database.ts'
import { nodeContext } from '../support/node-context.ts'

const database = await testDatabase(t)
const credential = await databaseCredential(t, database.address)
const connectors = createConnectors({ allow: ['127.0.0.1/32', '::1/128'] })
t.teardown(async () => { await connectors.close() })

async function run (parameters: object | ((index: number) => object), { items = 1, own = credential as Credential, signal = new AbortController().signal } = {}) {
  const { outputs } = await postgres.run(nodeContext({
    items: Array.from({ length: items }, (_, n) => ({ n })), parameters: parameters as never, connect: connectors, credential: own, signal
  }))
  return outputs['main']!
}

t.before(async () => {
  const owner = database.owner()
  await owner`create table things (id integer primary key, name text, data jsonb, at timestamptz, big bigint, tags text[])`
  await owner`grant all on things to public`
  await owner.end()
})

t.test('statements with values, an item at a time', async t => {
  const written = await run(index => ({
    query: 'insert into things (id, name, data, at, big, tags) values ($1, $2, $3, $4, $5, $6) returning id, name',
    parameters: [index, index === 1 ? "'); drop table things; --" : 'ä😀', { a: [index] }, '2030-01-31T09:30:00Z', '9007199254740993', ['x', 'y z']]
  }), { items: 3 })
  t.same(written.map(({ from, json }) => [from, json]), [[0, { id: 0, name: 'ä😀' }], [1, { id: 1, name: "'); drop table things; --" }], [2, { id: 2, name: 'ä😀' }]])
  t.same((await run({ query: 'select * from things where id = $1', parameters: [0], readOnly: true }))[0]?.json,
    { id: 0, name: 'ä😀', data: { a: [0] }, at: '2030-01-31T09:30:00.000Z', big: '9007199254740993', tags: ['x', 'y z'] })
  t.same((await run({ query: 'update things set name = $1 where id > $2', parameters: [undefined, 0], output: 'result' }))[0]?.json, { rows: [], rowCount: 2 }, 'a missing value is null')
  t.same(await run({ query: 'select 1 where false' }), [])
})

t.test('what the server refuses is told, without what only operators should know', async t => {
  await t.rejects(run({ query: 'select * from nowhere' }), { code: 'WC_SQL', message: /"nowhere" does not exist \(42P01\)/, detail: { retryable: false, itemIndex: 0, data: { code: '42P01', position: 15 } } })
  await t.rejects(run({ query: 'insert into things (id) values (0)' }), { code: 'WC_SQL', detail: { data: { code: '23505', constraint: 'things_pkey' } } })
  await t.rejects(run({ query: 'delete from things', readOnly: true }), { code: 'WC_SQL', detail: { data: { code: '25006' } } }, 'read only means it')
  await t.rejects(run({ query: 'select 1; select 2' }), { code: 'WC_SQL', detail: { data: { code: '42601' } } }, 'one statement')
  await t.rejects(run({ query: 'select generate_series(1, 2000)', maxRows: 1000 }), { code: 'WC_SQL_TOO_LARGE' })
  t.equal((await run({ query: 'select generate_series(1, 1000) as n', maxRows: 1000 })).length, 1000)
  t.equal((await run({ query: 'select count(*)::int as n from things' }))[0]?.json?.['n'], 3, 'nothing of it was done')
})

t.test('time and aborts end a statement', async t => {
  await t.rejects(run({ query: 'select pg_sleep(2)', timeout: '100ms' }), { code: 'WC_CONNECTION_TIMEOUT', message: /not known/, detail: { retryable: false } })
  await t.rejects(run({ query: 'select pg_sleep(2)', timeout: '100ms', readOnly: true }), { code: 'WC_CONNECTION_TIMEOUT', detail: { retryable: true } }, 'a read may be repeated')
  const abort = new AbortController()
  const running = run({ query: 'select pg_sleep(2)' }, { signal: abort.signal })
  setTimeout(() => { abort.abort(new Error('cancelled')) }, 100)
  await t.rejects(running, { message: 'cancelled' })
  t.same((await run({ query: 'select 1 as n' }))[0]?.json, { n: 1 }, 'the next one is served')
})

t.test('only where it may go', async t => {
  const at = (data: object, allowedHosts: string[] | null = null): Credential => ({ ...credential, id: JSON.stringify(data), data: { ...credential.data, ...data }, allowedHosts })
  const closed = createConnectors({ allow: [] })
  t.teardown(async () => { await closed.close() })
  const limits = { timeout: 5000, signal: new AbortController().signal }
  const request = { text: 'select 1', values: [], readOnly: false, maxRows: 1 }
  for (const host of ['127.0.0.1', 'localhost', '10.0.0.1', '::1', '169.254.169.254']) await t.rejects(closed.query(at({ host }), request, limits), { code: 'WC_EGRESS_BLOCKED' }, host)
  await t.rejects(run({ query: 'select 1' }, { own: at({}, ['db.example.com']) }), { code: 'WC_CREDENTIAL_HOST' })
  await t.rejects(run({ query: 'select 1' }, { own: at({ port: 1 }) }), { code: 'WC_CONNECTION', message: /the connection was refused/ })
  await t.rejects(run({ query: 'select 1' }, { own: at({ tls: 'verified' }) }), 'no TLS where there is none')
  await connectors.attempts.get('postgres')!(credential, limits)
})

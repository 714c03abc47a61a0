import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createConnectors } from '../../src/connectors/index.ts'
import { mysql } from '../../src/engine/nodes/outside/sql.ts'
import type { Credential } from '../../src/engine/credentials/index.ts'
import { nodeContext } from '../support/node-context.ts'

const url = process.env['TEST_MYSQL_URL']
const limits = { timeout: 10_000, signal: new AbortController().signal }
// With the servers of TEST_DATABASE_URL and TEST_REDIS_URL comes this one, where there is one.
const { hostname, port, username, password } = new URL(url ?? 'mysql://root@127.0.0.1:1/mysql')
const credential = (more: object = {}): Credential => ({
  id: 'mysql', type: 'mysql', allowedHosts: null, data: { host: hostname, port: Number(port || 3306), username, ...(password !== '' && { password }), database: 'mysql', ...more }
})

t.test('only where it may go', async t => {
  const closed = createConnectors({ allow: [] })
  const open = createConnectors({ allow: ['127.0.0.1/32'] })
  t.teardown(async () => { await Promise.all([closed.close(), open.close()]) })
  const request = { text: 'select 1', values: [], readOnly: true, maxRows: 1 }
  await t.rejects(closed.query(credential({ host: '127.0.0.1' }), request, limits), { code: 'WC_EGRESS_BLOCKED' })
  await t.rejects(open.query(credential({ host: '127.0.0.1', port: 1 }), request, limits), { code: 'WC_CONNECTION' })
  t.equal(mysql.effectsOf!({ readOnly: true }), 'idempotent')
  t.equal(mysql.effectsOf!({}), 'once')
})

t.test('mysql', { skip: url === undefined && 'needs a server: set TEST_MYSQL_URL' }, async t => {
  const connectors = createConnectors({ allow: ['127.0.0.0/8', '::1/128'] })
  const database = `wc_test_${randomBytes(6).toString('hex')}`
  const admin = async (text: string): Promise<void> => { await connectors.query(credential(), { text, values: [], readOnly: false, maxRows: 1 }, limits) }
  await admin(`create database ${database}`)
  t.teardown(async () => {
    await admin(`drop database ${database}`)
    await connectors.close()
  })
  const run = async (parameters: object | ((index: number) => object), items = 1) => (await mysql.run(nodeContext({
    items: Array.from({ length: items }, () => ({})), parameters: parameters as never, connect: connectors, credential: credential({ database })
  }))).outputs['main']!

  await run({ query: 'create table things (id integer primary key auto_increment, name text, at datetime, big bigint)' })
  t.same((await run(index => ({ query: 'insert into things (name, at, big) values (?, ?, ?)', parameters: [`'); drop table things; -- ${index}`, '2030-01-31 09:30:00', '9007199254740993'] }), 2)).map(({ from, json }) => [from, json]), [[0, { insertId: 1 }], [1, { insertId: 2 }]])
  t.same((await run({ query: 'select * from things where id = ?', parameters: [1], readOnly: true }))[0]?.json, { id: 1, name: "'); drop table things; -- 0", at: '2030-01-31T09:30:00.000Z', big: '9007199254740993' })
  t.same((await run({ query: 'update things set name = ?', parameters: [null], output: 'result' }))[0]?.json, { rows: [], rowCount: 2 })
  await t.rejects(run({ query: 'select * from nowhere' }), { code: 'WC_SQL', detail: { data: { code: 'ER_NO_SUCH_TABLE' } } })
  await t.rejects(run({ query: 'delete from things', readOnly: true }), { code: 'WC_SQL' }, 'read only means it')
  await t.rejects(run({ query: 'select 1; select 2' }), { code: 'WC_SQL' }, 'one statement')
  await t.rejects(run({ query: 'select * from things', maxRows: 1 }), { code: 'WC_SQL_TOO_LARGE' })
  await t.rejects(run({ query: 'select sleep(3)', timeout: '200ms' }), { code: 'WC_CONNECTION_TIMEOUT' })
  t.equal((await run({ query: 'select count(*) as n from things' })).length, 1)
  await connectors.attempts.get('mysql')!(credential(), limits)
})

import t from 'tap'
import { loadVariables } from '../../src/db/queries/load-definition.ts'
import { workflowApp } from '../support/workflow-app.ts'

const { database, join } = await workflowApp(t)
const { call, organizationId } = await join()

async function workflow (): Promise<string> {
  return (await call('POST', '/workflows', { name: 'A', nodes: [] })).json<{ id: string }>().id
}

t.test('an organization and a workflow have variables of their own', async t => {
  const id = await workflow()
  for (const base of ['/variables', `/workflows/${id}/variables`]) {
    const created = await call('PUT', `${base}/rate`, { value: { de: 0.19, list: [1, null, 'é😀'] } })
    t.equal(created.statusCode, 201, created.body)
    t.match(created.json(), { name: 'rate', value: { de: 0.19, list: [1, null, 'é😀'] }, createdAt: String, updatedAt: String })
    t.strictSame(Object.keys(created.json()).sort(), ['createdAt', 'name', 'updatedAt', 'value'])
    const changed = await call('PUT', `${base}/rate`, { value: base })
    t.equal(changed.statusCode, 200)
    t.match((await call('GET', `${base}/rate`)).json(), { value: base })
    t.match((await call('GET', base)).json(), { data: [{ name: 'rate', value: base }], nextCursor: null })
  }
  await call('PUT', '/variables/other', { value: null })
  t.strictSame(await loadVariables(database.service, organizationId, id), { rate: `/workflows/${id}/variables`, other: null }, 'the workflow\'s win')
  t.equal((await call('DELETE', `/workflows/${id}/variables/rate`)).statusCode, 204)
  t.equal((await call('DELETE', `/workflows/${id}/variables/rate`)).statusCode, 404)
  t.equal((await call('GET', `/workflows/${id}/variables/rate`)).statusCode, 404)
  t.match((await call('GET', '/variables/rate')).json(), { value: '/variables' })
})

t.test('lists page by page', async t => {
  const id = await workflow()
  for (const name of ['a', 'b', 'c']) await call('PUT', `/workflows/${id}/variables/${name}`, { value: 1 })
  const first = (await call('GET', `/workflows/${id}/variables?limit=2`)).json()
  t.match(first.data, [{ name: 'c' }, { name: 'b' }])
  t.match((await call('GET', `/workflows/${id}/variables?limit=2&cursor=${first.nextCursor}`)).json(), { data: [{ name: 'a' }], nextCursor: null })
})

t.test('names and values are checked', async t => {
  for (const name of ['1a', 'a-b', 'a.b', '__proto__', 'x'.repeat(65), '%20', 'é']) t.equal((await call('PUT', `/variables/${name}`, { value: 1 })).statusCode, 422, name)
  for (const name of ['constructor', '_', 'x'.repeat(64)]) t.match((await call('PUT', `/variables/${name}`, { value: 1 })).statusCode, /^20[01]$/, name)
  for (const body of [{}, { value: 1, name: 'x' }, [], null]) t.equal((await call('PUT', '/variables/a', body)).statusCode, 422, JSON.stringify(body))
  t.equal((await call('PUT', '/variables/a', { value: 'x'.repeat(32_766) })).statusCode, 201)
  t.match((await call('PUT', '/variables/a', { value: 'x'.repeat(32_767) })).json(), { status: 422, errors: [{ pointer: '/value', code: 'WC_OUT_OF_RANGE' }] })
  for (const raw of ['{"value":"a\\u0000b"}', '{"value":1e999}', '{"value":"\\ud800"}', '{"value":{"\\u0000":1}}']) {
    t.match((await call('PUT', '/variables/a', raw)).statusCode, /^4(00|22)$/, raw)
  }
})

t.test('what others own does not exist', async t => {
  const other = await join()
  await other.call('PUT', '/variables/theirs', { value: 'secret' })
  t.equal((await call('GET', '/variables/theirs')).statusCode, 404)
  t.equal((await call('DELETE', '/variables/theirs')).statusCode, 404)
  t.notOk((await call('GET', '/variables')).body.includes('secret'))
})

t.test('racing writers of one variable all succeed', async t => {
  const answers = await Promise.all(Array.from({ length: 5 }, async (_, value) => await call('PUT', '/variables/raced', { value })))
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 200, 200, 200, 201])
})

t.test('the audit log names the variable, not its value', async t => {
  await call('PUT', '/variables/audited', { value: 'hidden' })
  await call('DELETE', '/variables/audited')
  const rows = await database.service`select action, before, after from audit_log where target_type = 'variable' and target_id = 'audited' order by id`
  t.strictSame(rows.map(({ action }) => action), ['variable.set', 'variable.deleted'])
  t.notOk(JSON.stringify(rows).includes('hidden'))
})

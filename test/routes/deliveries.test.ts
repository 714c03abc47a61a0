import { gzipSync } from 'node:zlib'
import t from 'tap'
import { until } from '../support/service-process.ts'
import { wholeService } from '../support/whole-service.ts'

const { enter, sql } = await wholeService(t, { WECONNECT_MAX_BATCH_SIZE: '2000000' })

t.test('a batch', async t => {
  const { hooks, publish, call, ended } = await enter()
  const id = await publish([{ id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'orders/:shop', maxBodySize: 1024 } }])
  const post = async (body: RequestInit['body'], { query = 'batch=true', headers = {} } = {}) => {
    const answer = await fetch(`${hooks}/orders/7?${query}`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson', ...headers }, body: body ?? null, ...(body instanceof ReadableStream ? { duplex: 'half' } : {}) } as RequestInit)
    const text = await answer.text()
    return { status: answer.status, type: answer.headers.get('content-type'), retryAfter: answer.headers.get('retry-after'), lines: text.trimEnd().split('\n').map(line => JSON.parse(line)) }
  }
  const count = async (): Promise<number> => (await sql<Array<{ count: number }>>`select count(*)::integer as count from executions where workflow_id = ${id}`)[0]!.count

  await t.test('starts an execution a line, and answers a line each', async t => {
    const answer = await post('{"n":1}\n{"n":2}\r\n\n{"n":3}')
    t.match(answer, { status: 202, type: 'application/x-ndjson', lines: [{ line: 1, executionId: String }, { line: 2, executionId: String }, { line: 4, executionId: String }] })
    const execution = await ended(answer.lines[2].executionId)
    t.match(execution, { trigger: 'webhook', status: 'succeeded' })
    const [step] = (await call('GET', `/executions/${execution.id}/steps`)).json().data
    t.match(step.outputs.main[0].json, { method: 'POST', path: 'orders/7', params: { shop: '7' }, query: { batch: 'true' }, body: { n: 3 } })
  })

  await t.test('answers a bad line with a problem, and starts the others', async t => {
    const answer = await post(['{"n":1}', '{"n":', '"\xff', JSON.stringify({ long: 'x'.repeat(2000) }), '['.repeat(100) + ']'.repeat(100), '4'].join('\n'))
    t.match(answer, {
      status: 202,
      lines: [{ line: 1, executionId: String }, { line: 2, status: 400, code: 'WC_MALFORMED_REQUEST' }, { line: 3, status: 400 }, { line: 4, status: 413, code: 'WC_TOO_LARGE' }, { line: 5, status: 400 }, { line: 6, executionId: String }]
    })
  })

  await t.test('of 10,000 lines is taken whole, and of a longer one as much', async t => {
    const before = await count()
    // Refused lines count as well, and cost no database: a busy machine would be cut off by the time that a batch may take.
    const { status, lines } = await post('{"n":1}\nno\nno\nno\nno\n'.repeat(2001))
    t.equal(status, 202)
    t.equal(lines.length, 10_001)
    t.match(lines.at(-1), { line: 10_001, status: 413, code: 'WC_BATCH_TOO_LONG' })
    t.equal(new Set(lines.flatMap(line => line.executionId ?? [])).size, 2000)
    t.equal(lines.filter(line => line.status === 400).length, 8000)
    t.equal(await count() - before, 2000)
  })

  await t.test('may be compressed; a bomb, and what is no gzip, end where they show', async t => {
    t.match(await post(gzipSync('1\n2\n'), { headers: { 'content-encoding': 'gzip' } }), { status: 202, lines: [{ executionId: String }, { executionId: String }] })
    const bomb = await post(gzipSync(Buffer.concat([Buffer.from('1\n'), Buffer.alloc(3_000_000, ' ')])), { headers: { 'content-encoding': 'gzip' } })
    t.match(bomb, { status: 202, lines: [{ line: 1, executionId: String }, { line: 2, status: 413 }] })
    t.match(await post('1\n2\n', { headers: { 'content-encoding': 'gzip' } }), { status: 400 })
    t.match(await post('1\n', { headers: { 'content-encoding': 'zstd' } }), { status: 415 })
  })

  await t.test('may come bit by bit', async t => {
    const body = new ReadableStream({
      async start (controller) {
        for (const part of ['{"n"', ':1}\n{"n":2', '}\n']) {
          controller.enqueue(Buffer.from(part))
          await new Promise(resolve => setTimeout(resolve, 20))
        }
        controller.close()
      }
    })
    t.match(await post(body), { status: 202, lines: [{ line: 1, executionId: String }, { line: 2, executionId: String }] })
  })

  await t.test('that starts nothing says so with its status', async t => {
    t.match(await post('nothing\nno\n'), { status: 422, type: 'application/x-ndjson', lines: [{ line: 1, status: 400 }, { line: 2, status: 400 }] })
    t.match(await post('\n\n'), { status: 422, lines: [{ errors: [{ code: 'WC_EMPTY_BATCH' }] }] })
    t.match(await post('{"n":1}', { headers: { 'content-type': 'application/json' } }), { status: 415 })
    t.match(await post(undefined), { status: 422 })
    t.match(await post('1\n2\n', { query: 'batch=false' }), { status: 202, lines: [{ executionId: String }] }, 'without the flag the lines are one body')
    await call('POST', `/workflows/${id}/unpublish`, {})
    t.match(await post('1\n'), { status: 404 })
  })
})

t.test('the log of deliveries', async t => {
  const { hooks, publish, call, ended } = await enter()
  const stranger = await enter()
  const schema = { body: { type: 'object', required: ['n'] } }
  const workflowId = await publish([{ id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'log', schema } }, { id: 'twice', type: 'set', parameters: { fields: { twice: '{{ $json.body.n * 2 }}' } } }], [{ from: 'in', to: 'twice' }])
  const post = async (body: object) => await fetch(`${hooks}/log?token=hidden&a=1`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer hidden', 'x-plain': 'shown' }, body: JSON.stringify(body) })
  const { executionId } = await (await post({ n: 21 })).json() as { executionId: string }
  t.equal((await post({})).status, 422)
  const list = async (query = '') => (await call('GET', `/deliveries${query}`)).json().data
  await until('the refused one is there', async () => (await list('?status=refused')).length === 1)
  t.match(await list(), [
    { status: 'refused', workflowId, nodeId: 'in', method: 'POST', path: 'log', responseStatus: 422, code: 'WC_INVALID_INPUT', executionId: null },
    { status: 'accepted', id: executionId, workflowId, nodeId: 'in', method: 'POST', path: 'log', responseStatus: 202, code: null, executionId }
  ])
  t.equal((await list(`?workflowId=${workflowId}&status=accepted`)).length, 1)
  t.equal((await list('?to=2020-01-01T00:00:00Z')).length, 0)
  t.match((await call('GET', '/deliveries?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).json(), { status: 422, errors: [{ pointer: '/query/from' }] })
  const [refused] = await list('?status=refused')
  for (const id of [refused.id, executionId]) {
    const { body, statusCode } = await call('GET', `/deliveries/${id}`)
    t.equal(statusCode, 200, body)
    t.match(JSON.parse(body).headers, { 'x-plain': 'shown', authorization: '[redacted]' })
    t.notOk(body.includes('hidden'))
    t.equal((await stranger.call('GET', `/deliveries/${id}`)).statusCode, 404)
    t.equal((await stranger.call('POST', `/deliveries/${id}/replay`)).statusCode, 404)
  }
  t.strictSame((await stranger.call('GET', '/deliveries')).json().data, [])

  t.equal((await call('POST', `/deliveries/${refused.id}/replay`)).statusCode, 409)
  const replayed = await call('POST', `/deliveries/${executionId}/replay`, { version: 'newest' })
  t.equal(replayed.statusCode, 202, replayed.body)
  t.match(await ended(replayed.json().executionId), { status: 'succeeded', trigger: 'webhook', retryOf: executionId })
  const { data } = (await call('GET', `/executions/${replayed.json().executionId}/steps`)).json()
  t.match(data[1].outputs.main, [{ json: { twice: 42 } }])
})

t.test('the log says what was answered, and which lines of a batch were refused', async t => {
  const { hooks, publish, call } = await enter()
  const list = async (query: string) => (await call('GET', `/deliveries?${query}`)).json().data
  const answering = async (path: string, response: string, next: object) => await publish([{ id: 'in', type: 'webhook', parameters: { path, response } }, { id: 'next', ...next }], [{ from: 'in', to: 'next' }])
  const slug = hooks.split('/').at(-1)
  const cases: Array<[string, string, object, number]> = [
    ['made', 'respondNode', { type: 'respond', parameters: { status: 201, headers: { 'set-cookie': ['a=1; path=/; Domain=example.com; HttpOnly', 'b=2', `c=3; Path=/; PATH = /hooks/${slug}/made`] } } }, 201],
    ['last', 'lastStep', { type: 'noOp' }, 200],
    ['broken', 'lastStep', { type: 'stop', parameters: { message: 'no' } }, 422],
    ['now', 'immediate', { type: 'noOp' }, 202]
  ]
  for (const [path, response, next, status] of cases) {
    const workflowId = await answering(path, response, next)
    const answer = await fetch(`${hooks}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    t.equal(answer.status, status)
    if (path === 'made') t.strictSame(answer.headers.getSetCookie(), [`a=1; HttpOnly; Path=/hooks/${slug}/`, `b=2; Path=/hooks/${slug}/`, `c=3; Path=/hooks/${slug}/made`], 'they reach the hooks of this organization only')
    const [delivery] = await until(`the answer of ${path} is there`, async () => {
      const found = await list(`workflowId=${workflowId}`)
      return found[0]?.responseStatus === status && found
    })
    t.match(delivery, { status: 'accepted', responseStatus: status, executionId: answer.headers.get('x-execution-id'), code: null })
    t.equal((await list(`workflowId=${workflowId}&status=refused`)).length, 0)
  }

  const schema = { body: { type: 'object', required: ['n'] } }
  const workflowId = await publish([{ id: 'in', type: 'webhook', parameters: { path: 'lines', schema } }])
  await fetch(`${hooks}/lines?batch=true`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: ['{"n":1}', '{', '{}'].concat(Array.from({ length: 40 }, () => '[]')).join('\n') })
  const refused = await until('refused lines are there', async () => {
    const found = await list(`workflowId=${workflowId}&status=refused&limit=100`)
    return found.length > 0 && found
  })
  t.equal(refused.length, 20, 'as many as are recorded in a second')
  t.match(refused.slice(-2).reverse(), [{ responseStatus: 400, code: 'WC_MALFORMED_REQUEST', detail: /^Line 2: / }, { responseStatus: 422, code: 'WC_INVALID_INPUT', detail: /^Line 3: / }])
})

t.test('dead letters are retried all at once, each once', async t => {
  const { hooks, publish, call, ended, organizationId } = await enter()
  const broken = [{ id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'dead' } }, { id: 'stop', type: 'stop', parameters: { message: 'no' } }]
  const id = await publish(broken, [{ from: 'in', to: 'stop' }])
  const COUNT = 120
  const answer = await (await fetch(`${hooks}/dead?batch=true`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: '1\n'.repeat(COUNT) })).text()
  const ids: string[] = answer.trimEnd().split('\n').map(line => JSON.parse(line).executionId)
  await until('all to have ended', async () => (await sql`select from execution_events where workflow_id = ${id} and status is not null`).length === COUNT)
  const letters = (await call('GET', '/dead-letters?limit=100')).json()
  t.equal(letters.data.length, 100)
  t.equal((await call('GET', `/dead-letters?limit=100&cursor=${letters.nextCursor}`)).json().data.length, COUNT - 100)

  const { version } = (await call('PUT', `/workflows/${id}`, { name: 'Test', nodes: [broken[0]!, { id: 'stop', type: 'set', parameters: { fields: { ok: true } } }], connections: [{ from: 'in', to: 'stop' }] })).json()
  t.equal(version, 2)
  await call('POST', `/workflows/${id}/publish`, {})
  const created = await call('POST', '/executions/retry', { filter: { workflowId: id }, version: 'newest' })
  t.equal(created.statusCode, 202, created.body)
  t.match(created.json(), { kind: 'retry', status: 'running', total: COUNT, done: 0 })
  const operation = created.json()
  // As if the process that works on it had died in the middle: another goes on, from too early a place.
  await until('some are started', async () => (await call('GET', `/bulk-operations/${operation.id}`)).json().started > 0)
  await sql`update bulk_operations set position = '00000000-0000-0000-0000-000000000000', status = 'running', finished_at = null, due_at = now() where id = ${operation.id}`
  const done = await until('it is completed', async () => {
    const now = (await call('GET', `/bulk-operations/${operation.id}`)).json()
    return now.status === 'completed' && now
  })
  t.match(done, { total: COUNT, done: COUNT, started: COUNT, failed: 0, finishedAt: /Z$/ })
  const items = (await call('GET', `/bulk-operations/${operation.id}/items?limit=200`)).json().data
  t.strictSame(items.map((item: { sourceId: string }) => item.sourceId), [...ids].sort())
  t.match(await ended(items[0].executionId), { status: 'succeeded', retryOf: items[0].sourceId, version: 2 })
  await until('no more than these were started', async () => (await sql<Array<{ count: number }>>`select count(*)::integer as count from executions where organization_id = ${organizationId}`)[0]!.count === 2 * COUNT)
  t.equal((await call('POST', `/bulk-operations/${operation.id}/cancel`)).statusCode, 409)
  t.equal((await (await enter()).call('GET', `/bulk-operations/${operation.id}`)).statusCode, 404)

  const replay = await call('POST', '/deliveries/replay', { filter: { workflowId: id, status: ['failed'] }, version: 'same' })
  t.match(replay.json(), { kind: 'replay', total: COUNT })
  t.equal((await call('POST', '/deliveries/replay', { filter: {} })).statusCode, 422)
  t.equal((await call('POST', '/executions/retry', { filter: { status: ['succeeded'] } })).statusCode, 422)
  await until('it is completed', async () => (await call('GET', `/bulk-operations/${replay.json().id}`)).json().status === 'completed')
  t.equal((await call('GET', '/bulk-operations')).json().data.length, 2)
})

import t from 'tap'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { answerRoutes } from '../../src/routes/answers.ts'
import { createAnswerLinks } from '../../src/services/answer-links.ts'
import { createAnswers, type Answers } from '../../src/services/answers.ts'
import { register, testApp } from '../support/app.ts'

t.test('links that answer waiting executions', async t => {
  const links = createAnswerLinks([Buffer.alloc(32, 1)], '')
  // The application comes before its database, whose answers these are.
  const made: { answers?: Answers } = {}
  const answers: Answers = {
    resume: async (...given) => await made.answers!.resume(...given),
    ask: async token => await made.answers!.ask(token),
    decide: async (...given) => await made.answers!.decide(...given)
  }
  const { app, database, nextId } = await testApp(t, {
    publicRoutes: [{ prefix: '/v1', routes: async scope => { await scope.register(answerRoutes, { answers, maxBodySize: 1000 }) } }]
  })
  made.answers = createAnswers({ sql: database.service, links, hints: new LocalHintBus(), now: Date.now })
  const { organizationId } = await register(app)

  async function link (choice?: string): Promise<string> {
    const executionId = nextId()
    await database.service`insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload) values (${executionId}, ${organizationId}, ${nextId()}, 1, 'start', 'manual', '{}')`
    return links.url({ executionId, nodeId: 'hold', run: 0, choice })
  }
  const mail = async (): Promise<Array<{ kind: string, body: Record<string, unknown> }>> => await database.service`select kind, body from execution_inbox order by created_at desc, message_id`

  await t.test('a callback is accepted once, with what came', async t => {
    const url = await link()
    t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 405, 'who only looks resumes nothing')
    t.equal((await mail()).length, 0)
    const answer = await app.inject({ method: 'POST', url: `${url}?from=bank`, headers: { 'content-type': 'application/json' }, payload: '{"paid":true}' })
    t.equal(answer.statusCode, 202)
    t.match(answer.json(), { executionId: /^[0-9a-f-]{36}$/ })
    t.match(await mail(), [{ kind: 'callback', body: { nodeId: 'hold', run: 0, request: { method: 'POST', query: { from: 'bank' }, body: { paid: true } } } }])
    const second = await app.inject({ method: 'GET', url })
    t.equal(second.statusCode, 409)
    t.match(second.json(), { code: 'WC_ANSWER_USED' })
    t.equal((await app.inject({ method: 'GET', url: await link() })).statusCode, 202, 'a visit is a call as well')
  })

  await t.test('what a client sends wrong is said, and leaves the link unused', async t => {
    const url = await link()
    const send = async (payload: string, type = 'application/json') => (await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })).statusCode
    t.equal(await send('{'), 400)
    t.equal(await send('x'.repeat(2000), 'text/plain'), 413)
    t.equal(await send('x', 'image/png'), 415)
    t.equal((await app.inject({ method: 'GET', url: `${url}x` })).statusCode, 404)
    t.equal((await app.inject({ method: 'GET', url: `/v1/resume/${'A'.repeat(300)}` })).statusCode, 404)
    t.equal((await app.inject({ method: 'GET', url: (await link('yes')).replace('approvals', 'resume') })).statusCode, 404)
    t.equal(await send('"fine"'), 202)
  })

  await t.test('an approval asks before it decides', async t => {
    const url = await link('approve')
    const before = (await mail()).length
    const page = await app.inject({ method: 'GET', url })
    t.equal(page.statusCode, 200)
    t.match(page.headers, { 'content-type': /^text\/html/, 'content-security-policy': /default-src 'none'/ })
    t.match(page.body, /Decide: approve.*<form method="post">/)
    t.equal((await mail()).length, before, 'looking decides nothing')
    const waiting = { type: 'timer', nodeId: 'nap', run: 0, others: [{ type: 'approval', nodeId: 'hold', run: 1, message: 'Another' }, { type: 'approval', nodeId: 'hold', run: 0, message: 'Pay <b>30</b>?\nNow' }] }
    await database.service`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at, waiting_for)
      select id, organization_id, workflow_id, 'waiting', now() + interval '1 day', ${JSON.stringify(waiting)}::text::json from executions where id = ${links.open(url.split('/').at(-1)!)!.executionId}`
    t.match((await app.inject({ method: 'GET', url })).body, '<p>Pay &lt;b&gt;30&lt;/b&gt;?<br>Now</p><form')
    const long = await app.inject({ method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: `comment=${'x'.repeat(990)}y`.slice(0, 999) })
    t.equal(long.statusCode, 202)
    t.match(long.body, /Thank you/)
    t.match((await mail()).find(one => one.kind === 'approval'), { body: { approval: { choice: 'approve', by: { type: 'link' } } } })
    const again = await app.inject({ method: 'POST', url })
    t.equal(again.statusCode, 409)
    const late = await app.inject({ method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'comment=' })
    t.match([late.statusCode, late.headers['content-type'], late.body], [409, /^text\/html/, /decided before, or its time is over/], 'people read a page')
    const gone = await app.inject({ method: 'GET', url })
    t.match([gone.statusCode, gone.body], [200, /decided before, or its time is over/])
    t.notMatch(gone.body, '<form')
    const program = await app.inject({ method: 'POST', url: await link('reject'), headers: { 'content-type': 'application/json' }, payload: '{"comment":"No"}' })
    t.match(program.json(), { executionId: /^[0-9a-f-]{36}$/ })
    const odd = await app.inject({ method: 'POST', url: await link('reject'), headers: { 'content-type': 'application/json' }, payload: '{"comment":7}' })
    t.match(odd.json(), { status: 422, errors: [{ pointer: '/comment' }] })
  })
})

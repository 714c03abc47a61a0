import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { burst } from '../support/burst.ts'
import { startCallee } from '../support/callee.ts'
import { deployEmbedded } from '../support/deployment.ts'
import { callingWorkflow, pureWorkflow, waitingWorkflow } from '../support/fault-workflows.ts'
import { entrypoints, freePort, startProcess, until } from '../support/service-process.ts'

const IN_FLIGHT = 8
const POSTS = 600

t.test('embedded: what kill -9 interrupts goes on with the next start', async t => {
  const callee = await startCallee(t)
  const service = await deployEmbedded(t)
  const client = await service.client()

  await t.test('in the middle of HTTP nodes', async t => {
    const workflow = await client.publish(callingWorkflow(callee.url))
    callee.hold = true
    const ids = await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, n) => await client.start('calling', { n })))
    await until('all wait in their first call', () => callee.callsTo('/first').length === IN_FLIGHT)
    callee.hold = false
    callee.hold = true
    await until('all wait in their second call', () => callee.callsTo('/call').length === IN_FLIGHT)
    await service.api.kill()
    callee.hold = false
    await service.startApi()
    const executions = await client.allFinished(workflow.id, IN_FLIGHT)

    t.equal(executions.filter(({ status }) => status === 'succeeded').length, IN_FLIGHT)
    t.equal(executions.length, IN_FLIGHT)
    t.equal(callee.callsTo('/first').length, IN_FLIGHT, 'what had been answered was not called again')
    t.equal(callee.callsTo('/call').length, 2 * IN_FLIGHT)
    for (const id of ids) {
      t.equal(callee.calls.filter(({ key }) => key === `${id}:call:0:0`).length, 2, 'with the same key')
      t.match((await client.steps(id)).get('call'), { status: 'succeeded', attempt: 2 })
    }
  })

  await t.test('in the middle of a burst of posts', async t => {
    const workflow = await client.publish(pureWorkflow())
    const posts = burst(client, 'pure', { count: POSTS, lanes: 16 })
    await until('half of the burst is accepted', () => posts.accepted.size >= POSTS / 2, 60_000, 1)
    await service.api.kill()
    posts.stop()
    await posts.done
    await service.startApi()
    const executions = await client.allFinished(workflow.id, posts.accepted.size)

    const ids = new Set(executions.map(({ id }) => id))
    t.equal(ids.size, executions.length)
    t.same([...posts.accepted].filter(id => !ids.has(id)), [], 'every 202 is there')
    t.ok(executions.every(({ status }) => status === 'succeeded'))
    t.ok(executions.length <= posts.accepted.size + (posts.refused.get(0) ?? 0), 'and no more than were posted')
  })

  await t.test('while executions wait for a time and for a call', async t => {
    await client.publish(waitingWorkflow('timed', { for: '6s' }))
    await client.publish(waitingWorkflow('called', { callback: true, timeout: '10m' }))
    const [early, late] = [await client.start('called', {}), await client.start('called', {})]
    const linkOf = async (id: string): Promise<string> => (await client.steps(id)).get('note')!.outputs['main']![0]!.json['link'] as string
    const waits = async (id: string): Promise<void> => { await until('it waits', async () => (await client.execution(id)).status === 'waiting') }
    for (const id of [early, late]) await waits(id)
    const links = [await linkOf(early), await linkOf(late)]
    const timed = await client.start('timed', {})
    await waits(timed)
    t.equal((await fetch(links[0]!, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":1}' })).status, 202)
    await service.api.kill()
    await service.startApi()

    t.equal((await client.finished(timed)).status, 'succeeded')
    t.equal((await client.finished(early)).status, 'succeeded', 'a call that was answered with 202 counts')
    t.match((await client.steps(early)).get('after')!.outputs, { main: [{ json: { n: 1 } }] })
    t.equal((await client.execution(late)).status, 'waiting')
    t.equal((await fetch(links[1]!, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":2}' })).status, 202)
    t.equal((await client.finished(late)).status, 'succeeded')
    t.match((await client.steps(late)).get('after')!.outputs, { main: [{ json: { n: 2 } }] })
    t.equal((await fetch(links[0]!, { method: 'POST', body: '' })).status, 409, 'a link works once')
  })

  await t.test('between the end of an execution and the request that tells of it', async t => {
    const port = await freePort()
    const { secret } = await client.call('POST', '/v1/event-subscriptions', { url: `http://127.0.0.1:${port}/`, events: ['execution.succeeded'] }) as { secret: string }
    const workflow = await client.publish(pureWorkflow('told'))
    const id = await client.start('told', { n: 1 })
    await client.allFinished(workflow.id, 1)
    await service.api.kill()
    const told: Array<{ data: { id: string } }> = []
    const receiver = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => { body += String(chunk) }).on('end', () => {
        told.push(new Webhook(secret).verify(body, request.headers as Record<string, string>) as typeof told[0])
        response.end()
      })
    }).listen(port, '127.0.0.1')
    t.teardown(() => receiver.close())
    await service.startApi()
    await until('it is told of', () => told.length > 0)
    t.equal(told[0]!.data.id, id)
  })

  await t.test('a second process on the same data directory is refused', async t => {
    const second = startProcess(t, 'second', entrypoints.all, { ...service.env, PORT: '0' })
    const { code } = await second.exit
    t.equal(code, 1)
    t.match(second.output, new RegExp(`The data directory .* is in use by process ${service.api.pid}: stop it, or set WECONNECT_DATA_DIR`))
    t.ok(service.api.isAlive)
    t.equal((await client.hook('pure', { n: 1 })).status, 202, 'the first one works on')
  })
})

import { createHmac } from 'node:crypto'
import t from 'tap'
import { deploySeparate, missing } from '../support/deployment.ts'
import { journey } from '../support/journey.ts'
import { entrypoints, freePort, startProcess, until } from '../support/service-process.ts'

t.test('API and workers apart, on PostgreSQL and Redis', { skip: missing('database', 'redis') }, async t => {
  await journey(t, await deploySeparate(t, { workers: 2 }))
})

t.test('two API processes: a delivery is accepted once wherever it comes in, and both follow a change of secrets', { skip: missing('database', 'redis') }, async t => {
  const service = await deploySeparate(t)
  const client = await service.client()
  const port = await freePort()
  const second = startProcess(t, 'api 2', entrypoints.api, { ...service.env, PORT: String(port) })
  await second.says('WeConnect is ready')
  const addresses = [service.address, `http://127.0.0.1:${port}`]
  const send = async (index: number, path: string, body: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${addresses[index % 2]}/hooks/${client.slug}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
    return { status: answer.status, duplicate: answer.headers.get('x-weconnect-duplicate'), id: (await answer.json() as { executionId?: string }).executionId }
  }

  await t.test('50 parallel deliveries of one id', async t => {
    const { id } = await client.publish({ name: 'Once', nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'once', deduplicate: { header: 'webhook-id' } } }], connections: [] })
    const answers = await Promise.all(Array.from({ length: 50 }, async (_, index) => await send(index, 'once', `{"n":${index}}`, { 'webhook-id': 'msg_1' })))
    t.strictSame([...new Set(answers.map(({ status }) => status))], [202])
    t.equal(new Set(answers.map(({ id }) => id)).size, 1, 'all get one id')
    t.equal(answers.filter(({ duplicate }) => duplicate === null).length, 1)
    t.equal((await service.sql`select from executions where workflow_id = ${id}`).length, 1)
  })

  await t.test('the secret is rotated without a gap', async t => {
    const credential = await client.call('POST', '/v1/credentials', { name: 'Signing', type: 'webhookSecret', data: { secrets: ['old-secret-of-the-sender'] } })
    await client.publish({ name: 'Signed', nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'signed', verify: { preset: 'github', credentialId: credential.id } } }], connections: [] })
    const signed = async (index: number, secret: string): Promise<number> =>
      (await send(index, 'signed', '{}', { 'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update('{}').digest('hex')}` })).status
    const everywhere = async (secret: string): Promise<string> => (await Promise.all([0, 1].map(async index => await signed(index, secret)))).join()
    const change = async (...secrets: string[]): Promise<void> => { await client.call('PATCH', `/v1/credentials/${credential.id}`, { data: { secrets } }) }
    t.equal(await everywhere('old-secret-of-the-sender'), '202,202')
    t.equal(await everywhere('new-secret-of-the-sender'), '401,401')
    await change('old-secret-of-the-sender', 'new-secret-of-the-sender')
    await until('both know the new one', async () => await everywhere('new-secret-of-the-sender') === '202,202')
    t.equal(await everywhere('old-secret-of-the-sender'), '202,202', 'and still the old one')
    await change('new-secret-of-the-sender')
    await until('both have forgotten the old one', async () => await everywhere('old-secret-of-the-sender') === '401,401')
    t.equal(await everywhere('new-secret-of-the-sender'), '202,202')
  })
})

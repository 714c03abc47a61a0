import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { deployEmbedded } from '../support/deployment.ts'
import { entrypoints, startProcess } from '../support/service-process.ts'
import { startServer } from '../support/http-server.ts'

const EXAMPLE = './examples/custom-node'
const FIXTURES = './test/fixtures/node-packages'
const exec = promisify(execFile)

t.test('the tests of the example package, as its author runs them', async () => {
  await exec(process.execPath, ['--test', 'test/'], { cwd: fileURLToPath(new URL('../../examples/custom-node', import.meta.url)), env: { PATH: process.env['PATH'] } })
})

t.test('a process with a package that cannot be used does not start, and says all that is wrong', async t => {
  const service = startProcess(t, 'broken', entrypoints.all, { WECONNECT_NODE_PACKAGES: `${FIXTURES}/broken,no-such-package`, WECONNECT_DATA_DIR: '/nowhere' })
  t.equal((await service.exit).code, 78)
  t.match(service.output, /nodes\/0\/effects must be/)
  t.match(service.output, /no-such-package: could not be loaded/)
})

t.test('node types of packages run like others', async t => {
  const rates = await startServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://rates')
    response.writeHead(searchParams.get('to') === 'XXX' ? 404 : 200).end(JSON.stringify({ rate: 1.08 }))
  })
  t.teardown(rates.close)
  const client = await (await deployEmbedded(t, { WECONNECT_NODE_PACKAGES: `${EXAMPLE},${FIXTURES}/odd` })).client()
  for (const name of ['weconnect-nodes-example', '@test/odd-nodes']) await client.call('PUT', `/v1/node-packages/${encodeURIComponent(name)}`, {})

  await t.test('the example computes, calls a service and has outputs of its own', async t => {
    await client.publish({
      name: 'Rates',
      nodes: [
        { id: 'in', type: 'webhook', parameters: { path: 'rates', response: 'lastStep' } },
        { id: 'slug', type: 'weconnect-nodes-example/slugify', parameters: { text: '{{ $json.body.title }}' } },
        { id: 'rate', type: 'weconnect-nodes-example/exchangeRate', parameters: { service: rates.url, from: 'EUR', to: '{{ $json.body.to }}' } },
        { id: 'known', type: 'set', parameters: { keep: 'none', fields: { slug: '{{ $json.slug }}', rate: '{{ $json.rate }}' } } }
      ],
      connections: [{ from: 'in', to: 'slug' }, { from: 'slug', to: 'rate' }, { from: 'rate', output: 'known', to: 'known' }]
    })
    t.match((await client.hook('rates', { title: 'Crème brûlée', to: 'USD' })).body, [{ json: { slug: 'creme-brulee', rate: 1.08 } }])
  })

  await t.test('what a node answers that nobody can store fails its step, and nothing else', async t => {
    await client.publish({
      name: 'Odd',
      nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'odd' } }, { id: 'odd', type: '@test/odd-nodes/odd', parameters: { answer: '{{ $json.body.answer }}' } }],
      connections: [{ from: 'in', to: 'odd' }]
    })
    for (const answer of ['bigint', 'circle', 'deep', 'nothing', 'late']) {
      const execution = await client.finished(await client.start('odd', { answer }))
      t.match(execution, { status: 'failed', error: { code: 'WC_NODE_OUTPUT', nodeId: 'odd' } }, answer)
    }
    t.match(await client.finished(await client.start('odd', { answer: 'none of these' })), { status: 'failed', error: { code: 'WC_NODE_PARAMETERS' } })
  })
})

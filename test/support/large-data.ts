import { readFile } from 'node:fs/promises'
import type { Test } from 'tap'
import type { Deployment } from './deployment.ts'

const COUNT = 100_000
/** bytes of the largest body */
const BODY = 16 * 1024 * 1024

const node = (id: string, type: string, parameters: object) => ({ id, type, parameters })

function chain (name: string, path: string, nodes: Array<ReturnType<typeof node>>) {
  const all = [node('in', 'webhook', { method: 'POST', path }), ...nodes]
  return { name, nodes: all, connections: all.slice(1).map(({ id }, index) => ({ from: all[index]!.id, to: id })), settings: {} }
}

const lists = chain('Long lists', 'lists', [
  node('split', 'splitOut', { field: 'body.rows' }),
  node('price', 'set', { fields: { total: '{{ $json.quantity * $json.price }}' } }),
  node('some', 'filter', { condition: "{{ $json.total >= 0 && $('split').item.json.id === $json.id }}" }),
  node('tag', 'set', { fields: { 'tags.tier': '{{ $json.total > 50 ? "gold" : "tin" }}' } })
])

const bodies = chain('Large bodies', 'bodies', [
  node('one', 'set', { fields: { length: '{{ $json.body.text.length }}' } }),
  node('two', 'set', { fields: { copy: '{{ $json.body.text }}' } }),
  node('three', 'set', { fields: { upper: '{{ $json.copy.slice(0, 3).toUpperCase() }}' } }),
  node('four', 'set', { fields: { left: '{{ $json.upper }}' }, keep: 'none' })
])

/** Peak of what the process held in memory, MiB; NaN where the system does not tell. */
export async function peakMemory (pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) / 1024
}

/** Sends 100,000 items and a body of the largest size through five nodes, and looks at them as a client does. */
export async function sendLargeData (t: Test, deployment: Deployment): Promise<void> {
  const client = await deployment.client()
  for (const workflow of [lists, bodies]) await client.publish(workflow)

  await t.test('100,000 items', async t => {
    const rows = Array.from({ length: COUNT }, (_, id) => ({ id, name: `Row number ${id}`, quantity: id % 7, price: id % 100 }))
    const id = await client.start('lists', { rows })
    t.match(await client.finished(id, 120_000), { status: 'succeeded' })
    const answer = await client.request('GET', `/v1/executions/${id}/steps`)
    t.equal(answer.status, 200)
    t.ok(answer.text.length < 8 * 1024 * 1024, `${answer.text.length} characters`)
    const last = answer.body.data.at(-1)
    t.match(last, { nodeId: 'tag', truncated: true, itemCounts: { inputs: { main: COUNT }, outputs: { main: COUNT } } })
    t.match(last.outputs.main[50], { json: { id: 50, total: 50, tags: { tier: 'tin' } } })
    const page = await client.call('GET', `${last.itemsPath}&limit=2&cursor=99998`)
    t.match(page, { data: [{ json: { id: 99_998 } }, { json: { id: 99_999, total: 396, tags: { tier: 'gold' } } }], nextCursor: null })
    const events = await client.events(id)
    t.equal(events.at(-1)?.type, 'execution.succeeded')
  })

  await t.test('a body of the largest size', async t => {
    const text = 'xyz'.repeat(Math.floor((BODY - 100) / 3))
    const id = await client.start('bodies', { text })
    t.match(await client.finished(id, 120_000), { status: 'succeeded' })
    const answer = await client.request('GET', `/v1/executions/${id}/steps`)
    t.equal(answer.status, 200)
    t.ok(answer.text.length < 8 * 1024 * 1024, `${answer.text.length} characters`)
    t.match(answer.body.data.at(-1), { outputs: { main: [{ json: { left: 'XYZ' } }] } })
    t.match(answer.body.data[1], { nodeId: 'one', truncated: true, outputs: { main: [] }, itemCounts: { outputs: { main: 1 } } })
    const page = await client.call('GET', answer.body.data[1].itemsPath)
    t.equal(page.data[0].json.length, text.length)
    t.equal(page.data[0].json.body.text.length, text.length)
  })
}

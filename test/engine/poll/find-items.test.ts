import t from 'tap'
import { createMask } from '../../../src/engine/credentials/mask.ts'
import type { PlanNode } from '../../../src/engine/plan.ts'
import { compilePoll } from '../../../src/engine/poll/compile.ts'
import { findItems, type Findings } from '../../../src/engine/poll/find-items.ts'
import { cpuTime } from '../../support/cpu-time.ts'

const SECRET = 'the-token-that-nobody-may-see'

/** One poll of a far side that answers with this body. */
async function poll (parameters: object, body: unknown, signal = new AbortController().signal): Promise<Findings> {
  const written = { url: 'https://api.example.com/', ...parameters }
  return await findItems(compilePoll({ written } as unknown as PlanNode), {
    workflow: { workflowId: 'w', name: 'W', version: 1, timeZone: 'UTC' }, nodeId: 'n', vars: {}, cursor: 'before', idempotencyKey: 'k'
  }, {
    signal,
    fetch: async ({ url }) => ({ status: 200, url, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }),
    credential: async () => undefined,
    mask: () => createMask([SECRET]),
    now: Date.now
  })
}

t.test('a cursor moves whole or not at all', async t => {
  const full = [{ id: 7, at: 'noon' }]
  const cases: Array<[unknown, unknown]> = [
    ['{{ $json.id }}', 7], [{ since: '{{ $json.at }}', kind: '' }, { since: 'noon', kind: '' }], [['{{ $json.id }}', null], [7, null]],
    ['id>{{ $json.id }}', 'id>7'], [{ deep: ['a{{ $json.id }}b'] }, { deep: ['a7b'] }], ['{{ { at: $json.at } }}', { at: 'noon' }], ['{{ [$json.id] }}', [7]]
  ]
  for (const [cursor, expected] of cases) {
    t.strictSame((await poll({ cursor }, full)).cursor, expected, JSON.stringify(cursor))
    t.equal((await poll({ cursor }, [])).cursor, undefined, `${JSON.stringify(cursor)} over no items`)
  }
  t.equal((await poll({ cursor: ['{{ $json.id }}', '{{ $json.at }}'] }, [{ id: 7 }])).cursor, undefined, 'one part of two is missing')
  t.equal((await poll({ cursor: '{{ $json.n }}' }, [{ n: 0 }])).cursor, 0)
  t.equal((await poll({ cursor: 'n{{ $json.n }}' }, [{ n: false }])).cursor, 'nfalse')
  t.strictSame((await poll({ cursor: '{{ $response.body.page }}', items: 'none' }, { page: { next: 'x', previous: null } })).cursor, { next: 'x', previous: null }, 'what the answer holds stands as it is')
})

t.test('expressions see what an answer echoes of a secret as it may be kept', async t => {
  const echo = [{ id: 1, echo: `Bearer ${SECRET}` }]
  for (const cursor of ['{{ $json.echo }}', '{{ $response.body[0].echo.toUpperCase() }}', '{{ $input.first().json.echo.slice(0, 15) }}', { a: 'x{{ $json.echo }}' }]) {
    const cursorOf = async (): Promise<unknown> => (await poll({ cursor }, echo)).cursor
    const kept = await cursorOf().catch((error: unknown) => error)
    t.notMatch(JSON.stringify(kept).toLowerCase(), SECRET, JSON.stringify(cursor))
  }
  await t.rejects(poll({ cursor: '{{ $json.echo }}' }, echo), { code: 'WC_POLL_CURSOR' })
  t.strictSame(await poll({ key: '{{ $json.echo.split("").reverse().join("") }}' }, echo), { items: [{ id: 1, echo: 'Bearer [secret]' }], keys: ['"]terces[ reraeB"'], cursor: undefined })
})

t.test('keys of many items leave others their turns, cost what they do for each, and end with the poll', async t => {
  const many = Array.from({ length: 10_000 }, (_, id) => ({ id }))
  let turns = 0
  let going = true
  const count = (): void => {
    turns++
    if (going) setImmediate(count)
  }
  count()
  const begun = cpuTime()
  t.equal(new Set((await poll({ key: '{{ $json.id }}:{{ $input.all().length }}' }, many)).keys).size, many.length)
  going = false
  t.ok(cpuTime() - begun < 5000, 'the list is made once, and not for each item')
  t.ok(turns > 3, `${turns} turns`)

  const stop = new AbortController()
  const over = new Error('The process ends')
  const polling = poll({ key: '{{ Array.from({ length: 2000 }).map(n => $json.id).length }}' }, many, stop.signal)
  setTimeout(() => { stop.abort(over) }, 100)
  await t.rejects(polling, over)
})

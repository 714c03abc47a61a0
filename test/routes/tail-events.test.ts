import t from 'tap'
import { register } from '../support/app.ts'
import { accept, append, nextId, runWhole, segmentsOf } from '../services/tail/history.ts'
import { until } from '../support/service-process.ts'
import { tailApp } from './tail-app.ts'

const { app, port, headers, organizationId, workflowId, sql, hints, metrics } = await tailApp(t)
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index)

async function get (executionId: string, query = '', given: Record<string, string> = headers) {
  const response = await app.inject({ url: `/v1/executions/${executionId}/events${query}`, headers: given })
  return { status: response.statusCode, body: response.json<any>() }
}

interface ServerSentEvent { id: string | undefined, event: string | undefined, data: any }

/** Reads the stream to its end, or until the caller has enough. */
async function stream (executionId: string, { query = '', given = {}, enough = () => false, onOpen = () => {} }: {
  query?: string, given?: Record<string, string>, enough?: (events: readonly ServerSentEvent[]) => boolean, onOpen?: () => void
} = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/v1/executions/${executionId}/events${query}`, {
    headers: { ...headers, accept: 'text/event-stream', ...given }
  })
  const events: ServerSentEvent[] = []
  if (response.status !== 200) return { response, events, body: await response.json() as any }
  onOpen()
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
      if (fields.has('data')) events.push({ id: fields.get('id'), event: fields.get('event'), data: JSON.parse(fields.get('data')!) })
    }
    // Leaving the loop cancels the request.
    if (enough(events)) break
  }
  return { response, events, body: undefined }
}

t.test('as a list, page by page', async t => {
  const started = await accept(sql, organizationId, workflowId)
  t.match(await get(started.executionId), { status: 200, body: { data: [{ seq: 1, event: { type: 'execution.queued', trigger: 'webhook' } }], nextCursor: null } })
  await runWhole(sql, started, segmentsOf(8, 5))
  const whole = await get(started.executionId, '?limit=200')
  t.strictSame(whole.body.data.map((one: any) => one.seq), upTo(19))
  t.equal(whole.body.nextCursor, null)
  t.strictSame(Object.keys(whole.body.data[0]), ['executionId', 'seq', 'at', 'event'])
  t.strictSame(whole.body.data[3].event, { type: 'step.succeeded', nodeId: 'n0', run: 0, attempt: 1, itemCounts: { main: 1 } })
  for (const limit of [1, 3, 18, 19]) {
    const seen: number[] = []
    let cursor: string | null = null
    do {
      const { body } = await get(started.executionId, `?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`)
      t.ok(body.data.length <= limit)
      seen.push(...body.data.map((one: any) => one.seq))
      cursor = body.nextCursor
    } while (cursor !== null)
    t.strictSame(seen, upTo(19), `limit ${limit}`)
  }
  t.strictSame((await get(started.executionId, '?after=17')).body.data.map((one: any) => one.seq), [18, 19])
  t.strictSame((await get(started.executionId, '?after=19')).body, { data: [], nextCursor: null })
  t.strictSame((await get(started.executionId, '?after=500')).body, { data: [], nextCursor: null })
})

t.test('what is not theirs, and what is no input', async t => {
  const stranger = await register(app)
  const foreign = await accept(sql, stranger.organizationId, nextId())
  for (const id of [foreign.executionId, nextId()]) {
    t.match(await get(id), { status: 404, body: { code: 'WC_NOT_FOUND' } })
    t.match(await stream(id), { response: { status: 404 }, body: { code: 'WC_NOT_FOUND' } })
  }
  const own = await accept(sql, organizationId, workflowId)
  for (const query of ['?after=-1', '?after=x', '?after=99999999999', '?limit=0', '?limit=201', '?cursor=x', '?nope=1']) {
    t.match(await get(own.executionId, query), { status: 422, body: { code: 'WC_INVALID_INPUT' } }, query)
  }
  t.match(await get('nope'), { status: 422 })
  t.match(await get(own.executionId, '', {}), { status: 401 })
  t.match(await stream(own.executionId, { given: { 'last-event-id': 'x' } }), { response: { status: 422 } })
  t.match(await stream(own.executionId, { given: { 'last-event-id': '999' } }), { response: { status: 422 }, body: { code: 'WC_CURSOR_INVALID' } })
})

t.test('as a stream, live, to the last event', async t => {
  const started = await accept(sql, organizationId, workflowId)
  const { response, events } = await stream(started.executionId, {
    onOpen () { void runWhole(sql, started, segmentsOf(10), hint => { hints.publish([hint]) }) }
  })
  t.match(response.headers.get('content-type'), /^text\/event-stream/)
  t.strictSame(events.map(one => Number(one.id)), upTo(23))
  t.strictSame(events.map(one => one.data.seq), upTo(23))
  t.equal(events[0]!.event, 'execution.queued')
  t.match(events.at(-1), { event: 'execution.succeeded', data: { executionId: started.executionId, event: { type: 'execution.succeeded' } } })
  const rest = await stream(started.executionId, { given: { 'last-event-id': '20' } })
  t.strictSame(rest.events.map(one => one.data.seq), [21, 22, 23])
  t.strictSame((await stream(started.executionId, { query: '?after=22' })).events.map(one => one.data.seq), [23])
})

t.test('a reader that leaves is forgotten', async t => {
  const before = (await metrics.tails.get()).values[0]?.value ?? 0
  const started = await accept(sql, organizationId, workflowId)
  await stream(started.executionId, { enough: events => events.length === 1 })
  await until('it to be forgotten', async () => (await metrics.tails.get()).values[0]!.value === before)
  t.pass('it is')
})

t.test('a reader that is too slow is cut, and comes back for the rest', async t => {
  const started = await accept(sql, organizationId, workflowId)
  const response = await fetch(`http://127.0.0.1:${port}/v1/executions/${started.executionId}/events`, { headers: { ...headers, accept: 'text/event-stream' } })
  const lagged = async (): Promise<number> => (await metrics.laggedTails.get()).values[0]?.value ?? 0
  const writer = nextId()
  let seq = 2
  while (await lagged() === 0 && seq < 5000) {
    hints.publish([await append(sql, started, seq++, [{ type: 'log', at: 1, level: 'info', message: 'm'.repeat(6000) }], writer)])
  }
  await append(sql, started, seq, [{ type: 'execution.succeeded', at: 1 }], writer)
  const text = await response.text()
  const seen = [...text.matchAll(/^id: (\d+)$/gm)].map(match => Number(match[1]))
  t.match(text.slice(-200), new RegExp(`event: lagged\\ndata: {"missedFrom":${seen.at(-1)}}\\n\\n$`))
  const back = await stream(started.executionId, { given: { 'last-event-id': String(seen.at(-1)) } })
  t.strictSame([...seen, ...back.events.map(one => one.data.seq)], upTo(seq))
})

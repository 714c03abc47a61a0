import { readFileSync } from 'node:fs'
import t from 'tap'
import { workflowApp } from '../support/workflow-app.ts'

interface BadInput {
  readonly id: string
  readonly group: string
  readonly name: string
  readonly input: { method?: string, path?: string, json?: unknown, raw?: string, headers?: Record<string, unknown>, gen?: string, n?: number }
  readonly expect: { status: number[] }
}

const cases = JSON.parse(readFileSync(new URL('../support/testdata/bad-inputs.json', import.meta.url), 'utf8')) as BadInput[]
/** For what a case must be refused: a refusal for another reason would prove nothing. */
const REASONS: Readonly<Record<string, string>> = {
  'workflow-01': 'WC_REQUIRED',
  'workflow-08': 'WC_CYCLE',
  'workflow-09': 'WC_CONNECTION_DANGLING',
  'workflow-12': 'WC_INVALID_FORMAT',
  'workflow-13': 'WC_KEY_NOT_ALLOWED',
  'workflow-19': 'WC_NODE_TYPE_UNKNOWN',
  'workflow-25': 'WC_OUT_OF_RANGE',
  'workflow-26': 'WC_OUT_OF_RANGE',
  'workflow-27': 'WC_INVALID_FORMAT',
  'workflow-33': 'WC_UNKNOWN_PROPERTY',
  'workflow-34': 'WC_UNKNOWN_PROPERTY',
  'workflow-36': 'WC_WRONG_TYPE',
  'workflow-37': 'WC_EXPRESSION_SYNTAX',
  'workflow-39': 'WC_REFERENCE_UNKNOWN',
  'workflow-40': 'WC_REFERENCE_NOT_BEFORE',
  'workflow-44': 'WC_OUT_OF_RANGE'
}

const { app, join } = await workflowApp(t)
const [mine, theirs] = [await join(), await join()]
const foreign = (await theirs.call('POST', '/workflows', { name: 'Theirs', nodes: [] })).json<{ id: string }>().id

/** The cases speak of fields and node types by other names. */
function translate (text: string): string {
  return text
    .replaceAll('"edges"', '"connections"')
    .replaceAll('"type":"noop"', '"type":"noOp"')
    .replaceAll('"type":"http"', '"type":"httpRequest"')
    .replaceAll('"params":{"value":', '"params":{"fields":{"value":')
    .replace(/("fields":\{"value":"(?:[^"\\]|\\.)*"\})/g, '$1}')
    .replaceAll('"params"', '"parameters"')
    .replaceAll('{"max":-1}', '{"maxAttempts":-1}')
    .replaceAll('"timeoutMs"', '"timeout"')
    .replaceAll('$node(', '$(')
    .replaceAll('{orgB}', theirs.organizationId)
    .replaceAll('{wfB}', foreign)
}

function repeated (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(repeated)
  if (typeof value !== 'object' || value === null) return value
  const { $repeat } = value as { $repeat?: [string, number] }
  return $repeat === undefined ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, repeated(inner)])) : $repeat[0].repeat($repeat[1])
}

function generated (kind: string, count: number): unknown {
  const ids = Array.from({ length: count }, (_, index) => `n${index}`)
  const nodes = ids.map(id => ({ id, type: 'noOp' }))
  const next = (index: number): string | undefined => kind === 'cycle' ? ids[(index + 1) % count] : ids[index + 1]
  return { name: kind, nodes, connections: ids.flatMap((from, index) => next(index) === undefined ? [] : [{ from, to: next(index) }]) }
}

function bodyOf ({ json, raw, gen, n = 0 }: BadInput['input']): string | undefined {
  if (gen === 'cycle' || gen === 'nodes') return JSON.stringify(generated(gen, n))
  if (gen === 'size') return JSON.stringify({ schemaVersion: 1, workflow: { name: 'x'.repeat(n) } })
  if (gen === 'yamlbomb') return 'a: &a [x]\nb: [*a, *a]'
  return raw === undefined ? JSON.stringify(json) : raw
}

for (const { id, group, name, input, expect } of cases) {
  const generatedElsewhere = ['race', 'twice', 'inflight'].includes(input.gen ?? '')
  if (!['workflow', 'import'].includes(group) || input.method === 'GET' || generatedElsewhere) continue
  t.test(`${id}: ${name}`, async t => {
    const body = bodyOf({ ...input, json: repeated(input.json) })
    const headers = repeated(input.headers ?? {}) as Record<string, string>
    const answer = await mine.call('POST', (input.path ?? '/v1/workflows').replace('/v1', ''), body === undefined ? undefined : translate(body), headers)
    t.ok(expect.status.includes(answer.statusCode), `${answer.statusCode} ${answer.body.slice(0, 300)}`)
    const reason = REASONS[id]
    if (reason === undefined) return
    t.equal(answer.statusCode, 422)
    t.ok(answer.json<{ errors: { code: string }[] }>().errors.some(({ code }) => code === reason), answer.body.slice(0, 300))
  })
}

for (const { id, group, name, input, expect } of cases) {
  if (group !== 'pagination' || !/[?&](limit|cursor|offset|sort|q|a\[)/.test(input.path ?? '')) continue
  t.test(`${id}: ${name}`, async t => {
    const query = (input.path ?? '').replace(/^[^?]*/, '')
    if (query.includes('{')) return await otherCursors(t, query, expect.status)
    const answer = await mine.call('GET', `/workflows${query}`)
    t.ok(expect.status.includes(answer.statusCode), `${answer.statusCode} ${answer.body.slice(0, 300)}`)
  })
}

async function otherCursors (t: { ok (value: unknown, message: string): unknown, notOk (value: unknown): unknown }, query: string, statuses: readonly number[]): Promise<void> {
  for (let index = 0; index < 2; index++) await theirs.call('POST', '/workflows', { name: `Secret ${index}`, nodes: [] })
  const { nextCursor } = (await theirs.call('GET', '/workflows?limit=1')).json<{ nextCursor: string }>()
  const cursor = query.includes('tampered') ? (nextCursor.startsWith('A') ? 'B' : 'A') + nextCursor.slice(1) : nextCursor
  const answer = await mine.call('GET', `/workflows?cursor=${cursor}`)
  t.ok(statuses.includes(answer.statusCode), `${answer.statusCode}`)
  t.notOk(answer.body.includes('Secret'))
}

t.test('prototypes are what they were, and nothing landed elsewhere', async t => {
  t.strictSame(Object.keys(Object.prototype), [])
  const names = (await theirs.call('GET', '/workflows')).json<{ data: { name: string }[] }>().data.map(({ name }) => name)
  t.strictSame([...new Set(names)].sort(), ['Secret 0', 'Secret 1', 'Theirs'])
  t.equal((await app.inject({ url: '/healthz' })).statusCode, 200)
})

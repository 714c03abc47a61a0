import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { ApiClient } from '../support/api-client.ts'
import { deployEmbedded } from '../support/deployment.ts'
import { pureWorkflow } from '../support/fault-workflows.ts'
import { openTail } from '../support/tail-client.ts'
import { until } from '../support/service-process.ts'
import { send, type WireAnswer, type WireRequest } from '../support/wire.ts'

interface Case {
  readonly id: string
  readonly group: string
  readonly name: string
  readonly input: Readonly<Record<string, any>>
  readonly expect: { readonly status: readonly number[] }
}

const cases = JSON.parse(await readFile(new URL('../support/testdata/bad-inputs.json', import.meta.url), 'utf8')) as Case[]
const groups = ['workflow', 'webhook', 'multipart', 'pagination', 'auth', 'import', 'tenancy', 'credential', 'oauth2']
const JWT_SECRET = 'canary-secret-of-access-tokens-0123456789abcdef'
const CANARY = 'canary-correct-staple-7'
const SIGNING = Buffer.from('canary-signing-key-of-webhooks-42')
const ANY_ID = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'

/** The codes of some cases, so that they are refused for what they are about. */
const codes: Readonly<Record<string, string>> = {
  'workflow-08': 'WC_CYCLE',
  'workflow-09': 'WC_CONNECTION_DANGLING',
  'workflow-13': 'WC_KEY_NOT_ALLOWED',
  'workflow-19': 'WC_NODE_TYPE_UNKNOWN',
  'workflow-36': 'WC_WRONG_TYPE',
  'workflow-37': 'WC_EXPRESSION_SYNTAX',
  'workflow-39': 'WC_REFERENCE_UNKNOWN',
  'workflow-40': 'WC_REFERENCE_NOT_BEFORE',
  'workflow-44': 'WC_OUT_OF_RANGE',
  'workflow-46': 'WC_WRONG_TYPE'
}

/** What other tests look at, or what asks for something that the contract leaves out. */
const elsewhere: Readonly<Record<string, string>> = {
  'import-17': 'there is no CSV export',
  'oauth2-12': 'needs a server that gives codes: in routes/oauth2.test.ts',
  'credential-03': 'needs a far side: in e2e/credentials.test.ts',
  'credential-04': 'in routes/credentials.test.ts', 'credential-05': 'in lib/secret-box.test.ts',
  'multipart-16': 'it has no answer, its effect is looked at in e2e/binary-data.test.ts'
}

t.test('bad inputs over the wire', async t => {
  const service = await deployEmbedded(t, { JWT_SECRET })
  const client = await service.client()
  const { accessToken, refreshToken } = await new ApiClient(service.address).call('POST', '/v1/auth/register', { email: 'editor@example.org', password: CANARY, name: 'Editor', organizationName: 'Editors' })
  const editor = new ApiClient(service.address, { authorization: `Bearer ${accessToken}` }, 'editors')
  const other = await ApiClient.register(service.address, 'Others')
  const mine = await editor.publish(pureWorkflow('bad'))
  await editor.publish({ name: 'Upload', nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'upload', maxFiles: 1 } }], connections: [] })
  const { id: credentialId } = await editor.call('POST', '/v1/credentials', { name: 'Signing', type: 'webhookSecret', data: { secrets: [`whsec_${SIGNING.toString('base64')}`] } })
  const signed = await editor.publish(signedWorkflow(credentialId))
  const theirs = await other.publish(pureWorkflow('bad'))
  const theirExecution = await other.start('bad', { n: 1 })
  await other.start('bad', { n: 2 })
  await other.allFinished(theirs.id, 2)
  const executionId = await editor.start('bad', { n: 1 })
  await editor.finished(executionId)
  const { nextCursor } = await other.call('GET', '/v1/executions?limit=1')
  const theirCredential = await other.call('POST', '/v1/credentials', { name: 'Theirs', type: 'bearer', data: { token: CANARY } })
  const ownCredential = await editor.call('POST', '/v1/credentials', { name: 'Own', type: 'bearer', data: { token: CANARY } })
  const stateOf = async (who: ApiClient): Promise<string> => {
    const { id } = await who.call('POST', '/v1/credentials', { name: 'Shop', type: 'oauth2', data: { grant: 'authorizationCode', authorizationUrl: 'https://login.example.com/authorize', tokenUrl: 'https://login.example.com/token', clientId: 'a' } })
    return new URL((await who.call('GET', `/v1/oauth2/authorize-url?credentialId=${id}`)).url).searchParams.get('state')!
  }
  const used = await stateOf(editor)
  await editor.request('GET', `/v1/oauth2/callback?code=x&state=${used}&iss=https://evil.test`)
  const theirKey = await other.call('POST', '/v1/api-keys', { name: 'Theirs' })
  const names: Record<string, string> = {
    '{token}': 'editors/bad', '{good}': accessToken, '{wfB}': theirs.id, '{runB}': theirExecution, '{orgB}': ANY_ID,
    '{id}': executionId, '{tampered}': `${String(nextCursor).slice(0, -2)}!x`, '{cursorB}': String(nextCursor), '{credB}': String(theirCredential['id']), '{keyB}': String(theirKey['id']),
    '{credA}': String(ownCredential['id']), '{used}': used, '{victim}': await stateOf(other), '{ok}': await stateOf(editor)
  }

  /** Signed requests that were accepted. */
  let kept = 0

  async function alive (t: Test): Promise<void> {
    t.ok(service.api.isAlive, 'the process lives')
    t.equal((await client.request('GET', '/healthz')).status, 200)
  }

  for (const one of cases.filter(({ group }) => groups.includes(group))) {
    await t.test(`${one.id}: ${one.name}`, { skip: elsewhere[one.id] ?? false }, async t => {
      if (one.input['gen'] === 'race') await race(t, editor, mine.id)
      else if (one.input['gen'] === 'twice' || one.input['gen'] === 'inflight') await repeated(t, editor, one)
      else if (needsSignature(one)) {
        const answer = await send(service.address, sign(toRequest(one, { ...names, '{token}': 'editors/signed' }, accessToken), one.input))
        if (answer.status === 202) kept++
        checkAnswer(t, one, answer)
      } else checkAnswer(t, one, await send(service.address, toRequest(one, names, accessToken)))
      await alive(t)
    })
  }

  for (const one of cases.filter(({ group, input }) => group === 'schedule' && input['at'] === undefined)) {
    await t.test(`${one.id}: ${one.name}`, async t => {
      const { tz, ...rule } = expand(one.input)
      const { cron = '0 2 * * *' } = rule
      const parameters = { ...rule, cron, ...(tz === undefined ? {} : { timeZone: tz }) }
      const answer = await editor.request('POST', '/v1/workflows', { name: one.name, nodes: [{ id: 'clock', type: 'schedule', parameters }], connections: [] })
      t.ok(one.expect.status.includes(answer.status), `${answer.status}: ${JSON.stringify(answer.body).slice(0, 300)}`)
      if (answer.status === 422) t.ok(answer.body.errors.every(({ pointer }: { pointer: string }) => pointer.startsWith('/nodes/0/parameters')))
      await alive(t)
    })
  }

  t.equal((await editor.request('GET', '/v1/workflows')).status, 200, 'the token that the others were made of is good')
  const control = await send(service.address, { method: 'GET', path: '/v1/workflows', headers: { authorization: `Bearer ${forge(accessToken, { key: 'good' })}` } })
  t.equal(control.status, 200, 'and so is one made the same way, unchanged')

  await t.test('websocket', async t => {
    await websocket(t, editor, { executionId, theirExecution, accessToken })
    await alive(t)
  })
  const accepted = await editor.allFinished(mine.id, 1)
  t.ok(accepted.length + kept > 5)
  t.same(accepted.filter(({ status }) => status !== 'succeeded'), [], 'what was accepted was run')
  t.equal((await editor.executions({ workflowId: signed.id })).length, kept, 'and of what proves nothing, nothing was kept')
  t.same(await other.executions({ workflowId: theirs.id }).then(list => list.length), 2, 'nothing was done to another organization')
  for (const secret of [CANARY, JWT_SECRET, accessToken, refreshToken]) t.notOk(service.api.output.includes(secret), 'no secret is in the log')
  t.notMatch(service.api.output, /"level":"(error|fatal)"/, 'nothing of it was a fault')
})

function needsSignature ({ group, input, expect }: Case): boolean {
  return group === 'webhook' && ('sign' in input || 'ts' in input || expect.status.every(status => status === 401))
}

function signedWorkflow (credentialId: string): object {
  return { name: 'Signed', nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'signed', verify: { preset: 'standardWebhooks', credentialId } } }], connections: [] }
}

/** What the case says of the signature, as Standard Webhooks has it; `ts` is seconds from now, or `ms` for a time in milliseconds. */
function sign (request: WireRequest, { sign = 'none', ts = 0 }: Case['input']): WireRequest {
  if (sign === 'none') return request
  const timestamp = String(ts === 'ms' ? Date.now() : Math.floor(Date.now() / 1000) + Number(ts))
  const of = (key: Buffer, body: Buffer | string): string => `v1,${createHmac('sha256', key).update(`msg.${timestamp}.`).update(body).digest('base64')}`
  const body = request.body ?? ''
  const good = of(SIGNING, body)
  const bad = of(Buffer.from('another key'), body)
  const signatures: Readonly<Record<string, string>> = { good, wrong: bad, otherBody: of(SIGNING, '{"a":2}'), 'bad bad good': `${bad} ${bad} ${good}` }
  const signature = typeof sign === 'string' ? signatures[sign] : expand(sign)
  return { ...request, headers: { ...request.headers, 'webhook-id': 'msg', 'webhook-timestamp': timestamp, 'webhook-signature': String(signature).trim() } }
}

/** Uploads are webhooks here, which answer 202 where the cases say 201. */
function wanted ({ group, expect }: Case): readonly number[] {
  return group === 'multipart' ? expect.status.map(status => status === 201 ? 202 : status) : expect.status
}

function checkAnswer (t: Test, one: Case, { status, headers, text }: WireAnswer): void {
  const { id } = one
  const expect = { status: wanted(one) }
  t.ok(expect.status.includes(status), `${status} is one of ${expect.status.join(', ')}: ${text.slice(0, 200)}`)
  t.ok(status < 500)
  if (status < 400) return
  t.match(headers['content-type'], /^application\/problem\+json/)
  t.match(JSON.parse(text), { type: String, title: String, status, detail: String, code: /^WC_[A-Z_]+$/, instance: String })
  if (codes[id] !== undefined) t.same([...new Set(JSON.parse(text).errors.map(({ code }: { code: string }) => code))], [codes[id]])
}

/** The case in the words of the contract. */
function toRequest ({ input, group }: Case, names: Readonly<Record<string, string>>, accessToken: string): WireRequest {
  const fill = (text: string): string => Object.entries(names).reduce((filled, [name, value]) => filled.replaceAll(name, value), text)
  const query = input['query'] === undefined ? '' : `?${fill(new URLSearchParams(input['query']).toString().replaceAll('%7B', '{').replaceAll('%7D', '}'))}`
  const path = fill(String(input['path'] ?? '/v1/workflows')).replace('/v1/runs', '/v1/executions').replace('/v1/me', '/v1/auth/me') + query
  if (group === 'multipart') return { method: 'POST', path: '/hooks/editors/upload', ...upload(input) }
  const headers: Record<string, string> = {}
  if (input['auth'] !== undefined || input['path'] === undefined) headers['authorization'] = `Bearer ${accessToken}`
  if (input['jwt'] !== undefined) headers['authorization'] = `Bearer ${forge(accessToken, input['jwt'])}`
  const body = toBody(input, fill)
  if (body !== undefined) headers['content-type'] = 'application/json'
  for (const [name, value] of Object.entries(input['headers'] ?? {})) headers[name] = fill(String(expand(value)))
  if (input['gen'] === 'headers') for (let n = 0; n < input['n']; n++) headers[`x-header-${n}`] = 'a'.repeat(20)
  return { method: input['method'] ?? 'POST', path, headers, ...(body === undefined ? {} : { body }) }
}

function toBody (input: Case['input'], fill: (text: string) => string): Buffer | undefined {
  const generated = generate(input)
  if (generated !== undefined) return Buffer.from(generated)
  if (input['json'] !== undefined) return Buffer.from(fill(translate(JSON.stringify(expand(input['json'])))))
  if (input['raw'] === undefined) return undefined
  const raw = expand(input['raw'])
  return Buffer.isBuffer(raw) ? raw : Buffer.from(translate(fill(String(raw))))
}

/** A multipart body of that kind. */
function upload ({ gen, n = 1, filename, content = 'x', headers = {}, raw }: Case['input']): Pick<WireRequest, 'headers' | 'body'> {
  if (raw !== undefined) return { headers, body: Buffer.from(raw) }
  const boundary = gen === 'boundary' ? 'b'.repeat(n) : 'b'
  const name = filename === undefined ? 'a.txt' : String(expand(filename))
  const field = `--${boundary}\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n`
  const file = `--${boundary}\r\ncontent-disposition: form-data; name="f"; filename="${name}"\r\ncontent-type: image/png\r\n\r\n${gen === 'file' ? 'x'.repeat(n) : content}\r\n`
  const parts = gen === 'emptyfields' ? field.repeat(n) : file.repeat(gen === 'files' ? n : 1)
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body: Buffer.from(gen === 'unterminated' ? parts.trimEnd() : `${parts}--${boundary}--\r\n`) }
}

/** The cases speak of an older draft of the contract. */
function translate (json: string): string {
  return json.replaceAll('"edges":', '"connections":').replaceAll('"params":', '"parameters":').replaceAll('"type":"noop"', '"type":"noOp"').replaceAll('"type":"http"', '"type":"httpRequest"')
    .replaceAll('"retry":{"max":', '"retry":{"maxAttempts":').replaceAll('"timeoutMs":', '"timeout":').replaceAll('$node(', '$(')
    .replace(/"type":"set","parameters":(\{"value":"[^}]*(?:\}\}")?\})/, '"type":"set","parameters":{"fields":$1}')
}

function generate ({ gen, n }: Case['input']): string | undefined {
  const nodes = (count: number): object[] => Array.from({ length: count }, (_, index) => ({ id: `n${index}`, type: index === 0 && gen === 'nodes' ? 'manual' : 'noOp' }))
  switch (gen) {
    case 'cycle': return JSON.stringify({ name: 'a', nodes: nodes(n), connections: nodes(n).map((_, index) => ({ from: `n${index}`, to: `n${(index + 1) % n}` })) })
    case 'nodes': return JSON.stringify({ name: 'a', nodes: nodes(n), connections: [] })
    case 'keys': return `{${Array.from({ length: n }, (_, index) => `"k${index}":1`).join(',')}}`
    case 'size': return `{"name":"${'a'.repeat(n)}"}`
    case 'yamlbomb': return `a: &a ["x"]\n${'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]},`.repeat(9)}]`).join('\n')}`
    default: return undefined
  }
}

function expand (value: any): any {
  if (Array.isArray(value)) return value.map(expand)
  if (typeof value !== 'object' || value === null) return value
  if (value.$repeat !== undefined) return value.$repeat[0].repeat(value.$repeat[1])
  if (value.$nest !== undefined) return value.$nest[0].repeat(value.$nest[2]) + value.$nest[1].repeat(value.$nest[2])
  if (value.$hex !== undefined) return Buffer.from(value.$hex, 'hex')
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, expand(entry)]))
}

/** A token like the good one, but for what the case changes. */
function forge (good: string, { header = {}, key = 'good', tamper, ...claims }: Record<string, any>): string {
  const [head, payload, signature] = good.split('.') as [string, string, string]
  const decode = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString())
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  if (tamper !== undefined) return `${head}.${encode({ ...decode(payload), sub: ANY_ID })}.${signature}`
  const changed = Object.fromEntries(Object.entries({ ...decode(payload), ...claims }).filter(([, value]) => value !== null))
  const signed = `${encode({ ...decode(head), ...header })}.${encode(changed)}`
  const secrets: Record<string, string> = { good: JWT_SECRET, publicPem: '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n', attacker: 'attacker' }
  return `${signed}.${key === 'none' ? '' : createHmac('sha256', secrets[key] ?? '').update(signed).digest('base64url')}`
}

async function race (t: Test, client: ApiClient, id: string): Promise<void> {
  const read = await client.request('GET', `/v1/workflows/${id}`)
  const etag = read.headers.get('etag')!
  const { nodes, connections, settings } = read.body
  const answers = await Promise.all(['one', 'two'].map(async name => await client.request('PUT', `/v1/workflows/${id}`, { name, nodes, connections, settings }, { 'if-match': etag })))
  t.same(answers.map(({ status }) => status).sort(), [200, 412])
}

async function repeated (t: Test, client: ApiClient, { id }: Case): Promise<void> {
  const workflow = { schemaVersion: 1, workflow: { ...pureWorkflow(id), name: id } }
  const importing = async () => await client.request('POST', '/v1/workflows/import', workflow, { 'idempotency-key': id })
  const together = await Promise.all([importing(), importing(), importing()])
  t.same(together.filter(({ status }) => status !== 201 && status !== 409), [])
  for (const answer of together.filter(({ status }) => status === 409)) t.ok(answer.headers.has('retry-after'))
  const again = await importing()
  t.equal(again.status, 201)
  t.same([...new Set([...together.filter(({ status }) => status === 201), again].map(({ body }) => body.id))], [again.body.id], 'one workflow; same answer')
  const { data } = await client.call('GET', '/v1/workflows?limit=200') as { data: Array<{ name: string }> }
  t.equal(data.filter(({ name }) => name === id).length, 1)
}

async function websocket (t: Test, client: ApiClient, { executionId, theirExecution, accessToken }: Record<'executionId' | 'theirExecution' | 'accessToken', string>): Promise<void> {
  await t.rejects(openTail(t, new ApiClient(client.address)), /answered 401/, 'websocket-01: no token')
  await t.rejects(openTail(t, client, `?token=${accessToken}`), /answered 401/, 'websocket-02: token in query string')
  await t.rejects(openTail(t, new ApiClient(client.address, { ...client.headers, origin: 'https://evil.test' })), /answered 403/, 'a page of another origin')
  const many = Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`x-header-${n}`, 'a'.repeat(20)]))
  await t.rejects(openTail(t, new ApiClient(client.address, { ...client.headers, ...many })), /answered (400|431)/, 'websocket-14: 2000 headers at upgrade')

  const foreign = await openTail(t, client)
  foreign.send({ type: 'subscribe', id: 's', executionId: theirExecution, after: null })
  t.match(await until('an error frame', () => foreign.others[0]), { type: 'error', id: 's' }, 'websocket-05: execution of org B')
  foreign.send({ type: 'subscribe', id: 'f', executionId, after: 999_999 })
  await until('an answer', () => foreign.others.length > 1)
  t.same(foreign.events, [], 'websocket-21: from the future')
  foreign.close()

  const unknown = await openTail(t, client)
  for (let n = 0; n < 4; n++) unknown.send({ type: 'nope' })
  t.equal(await unknown.closed, 1008, 'websocket-06: unknown frame types')
  t.ok(unknown.others.length > 0 && unknown.others.every(({ type }) => type === 'error'))

  const endings: Array<[string, number[], (tail: Awaited<ReturnType<typeof openTail>>) => void]> = [
    ['websocket-09: 100000 one-byte fragments', [1008, 1009, 1006], ({ socket }) => { for (let n = 0; n < 100_000; n++) socket.send('a', { fin: false }) }],
    ['websocket-10: invalid UTF-8 text', [1007], ({ socket }) => { socket.send(Buffer.from('c328', 'hex'), { binary: false }) }],
    ['websocket-11: unmasked client frame', [1002], ({ socket }) => { socket.send('{}', { mask: false }) }],
    ['websocket-17: ping flood', [1008], ({ socket }) => { for (let n = 0; n < 20_000; n++) socket.ping() }]
  ]
  const bystander = await openTail(t, client)
  for (const [name, codes, act] of endings) {
    const tail = await openTail(t, client)
    act(tail)
    const code = await tail.closed
    t.ok(codes.includes(code), `${name}: closed with ${code}`)
  }
  bystander.send({ type: 'subscribe', id: 'b', executionId, after: null })
  await until('other sockets are unaffected', () => bystander.events.some(({ event }) => event.type === 'execution.succeeded'))
}

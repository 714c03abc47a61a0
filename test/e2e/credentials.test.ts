import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import postgres from 'postgres'
import { startEmbedded } from '../../src/db/embedded/index.ts'
import { deployEmbedded } from '../support/deployment.ts'
import { startAuthorizationServer } from '../support/oauth2-server.ts'

const CANARY = 'canary-d41x8-of-the-vault'
const BASIC = Buffer.from(`ada:${CANARY}`).toString('base64')

/** Tells callers all that they said, as careless services do: in the headers, the body, and its refusals. The first token that passes is refused. */
async function startEcho (): Promise<{ url: string, seen: string[], close: () => void }> {
  const seen: string[] = []
  const tokens = new Set<string>()
  const server = createServer((request, response) => {
    const said = { url: request.url, headers: request.headers }
    seen.push(JSON.stringify(said))
    const stale = tokens.size === 0 && request.url!.startsWith('/token')
    if (request.url!.startsWith('/token')) tokens.add(String(request.headers.authorization))
    response.writeHead(stale || request.url!.startsWith('/refused') ? 401 : 200, { 'content-type': 'application/json', 'x-you-sent': String(request.headers.authorization ?? request.headers['x-key'] ?? '') })
    response.end(JSON.stringify({ said, text: JSON.stringify(said) }))
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close: () => { server.closeAllConnections(); server.close() } }
}

t.test('workflows use secrets that nobody can read: a canary is found nowhere', async t => {
  const echo = await startEcho()
  t.teardown(echo.close)
  const authorization = await startAuthorizationServer(t)
  const tokens: string[] = []
  authorization.answer = body => {
    tokens.push(String(body['access_token']))
    return undefined
  }
  const service = await deployEmbedded(t, { LOG_LEVEL: 'debug' })
  const client = await service.client()
  const answers: string[] = []
  const ask = async (method: string, path: string, body?: unknown): Promise<any> => {
    const { status, headers, text, body: json } = await client.request(method, path, body)
    answers.push(text, JSON.stringify([...headers]))
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`)
    return json
  }
  const kinds = [
    { type: 'bearer', data: { token: CANARY } }, { type: 'basic', data: { username: 'ada', password: CANARY } },
    { type: 'header', data: { name: 'X-Key', value: CANARY } }, { type: 'query', data: { name: 'key', value: `${CANARY}&=` } }
  ]
  const ids = await Promise.all(kinds.map(async kind => (await ask('POST', '/v1/credentials', { ...kind, name: kind.type, allowedHosts: ['127.0.0.1'] })).id as string))
  const store = async (type: string, data: object): Promise<string> => (await ask('POST', '/v1/credentials', { type, name: type, data })).id as string
  const oauth = await store('oauth2', { grant: 'clientCredentials', tokenUrl: `${authorization.url}/token`, clientId: 'ada', clientSecret: CANARY, testUrl: `${echo.url}/fine` })
  const key = await store('signingKey', { secret: CANARY })
  const database = await store('postgres', { host: '127.0.0.1', port: 1, database: 'sales', username: 'ada', password: CANARY })
  const hook = await store('webhookSecret', { secrets: [CANARY] })
  ids.push(oauth, key, database, hook)
  const more = [
    { id: 'token', type: 'httpRequest', credentialId: oauth, parameters: { url: `${echo.url}/token` } },
    { id: 'token-refused', type: 'httpRequest', credentialId: oauth, parameters: { url: `${echo.url}/refused` } },
    { id: 'graphql', type: 'graphql', credentialId: oauth, parameters: { url: `${echo.url}/token`, query: '{ orders }' } },
    { id: 'signed', type: 'crypto', credentialId: key, parameters: { operation: 'hmac', value: 'x' } },
    { id: 'no-key', type: 'crypto', credentialId: key, parameters: { operation: 'sign', value: 'x' } },
    { id: 'away', type: 'postgres', credentialId: database, parameters: { query: 'select 1' } }
  ].map(node => ({ ...node, onError: 'continue' }))
  const nodes = kinds.flatMap(({ type }, index) => ['fine', 'refused'].map(path => ({
    id: `${type}-${path}`, type: 'httpRequest', credentialId: ids[index], parameters: { url: `${echo.url}/${path}` }, onError: 'continue'
  })))
  const { id } = await ask('POST', '/v1/workflows', {
    name: 'Canary',
    nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'canary', verify: { preset: 'header', credentialId: hook, header: 'x-secret' } } }, ...nodes, ...more, { id: 'bound', type: 'httpRequest', credentialId: ids[0], parameters: { url: 'http://localhost.evil.test/' }, onError: 'continue' }],
    connections: [...nodes.map(node => ({ from: 'in', to: node.id })), { from: 'in', to: 'bound' }, ...more.map(node => ({ from: 'in', to: node.id }))]
  })
  await ask('POST', `/v1/workflows/${id}/publish`, {})
  const started = await client.hook('canary', {}, { 'x-secret': CANARY })
  t.equal(started.status, 202, started.text)
  const execution = started.body.executionId as string
  answers.push((await client.hook('canary', {}, { 'x-secret': 'wrong' })).text)
  t.match(await client.finished(execution), { status: 'succeeded' })

  const own = echo.seen.filter(text => !/"url":"\/token|Bearer ey/.test(text))
  t.equal(own.length, 8)
  t.equal(own.filter(text => text.includes(CANARY) || text.includes(BASIC)).length, 8, 'the far side was sent the real thing')
  const steps = await client.steps(execution)
  t.match(steps.get('bearer-fine'), { status: 'succeeded', outputs: { main: [{ json: { headers: { 'x-you-sent': 'Bearer [secret]' }, body: { said: { headers: { authorization: 'Bearer [secret]' } } } } }] } })
  t.match(steps.get('basic-refused'), { status: 'failed', error: { code: 'WC_HTTP_STATUS', data: { headers: { 'x-you-sent': 'Basic [secret]' } } } })
  t.match(steps.get('query-fine'), { outputs: { main: [{ json: { body: { said: { url: '/fine?key=[secret]' } } } }] } })
  t.match(steps.get('token'), { status: 'succeeded', outputs: { main: [{ json: { status: 200, headers: { 'x-you-sent': 'Bearer [secret]' } } }] } }, 'a token that was refused is renewed')
  t.match(steps.get('token-refused'), { status: 'failed', error: { code: 'WC_HTTP_STATUS' } })
  t.match(steps.get('signed'), { status: 'succeeded' })
  t.match(steps.get('no-key'), { status: 'failed', error: { code: 'WC_CRYPTO_KEY' } })
  t.match(steps.get('away'), { status: 'failed' })
  t.ok(tokens.length >= 2 && tokens.length <= 4, `${tokens.length} tokens were fetched`)
  t.match(steps.get('bound'), { status: 'failed', error: { code: 'WC_CREDENTIAL_HOST' } }, 'refused before any connection')

  for (const path of ['', '/steps', '/events?limit=200', '/logs']) await ask('GET', `/v1/executions/${execution}${path}`)
  for (const path of ['/v1/credentials', ...ids.map(one => `/v1/credentials/${one}`), `/v1/workflows/${id}/export`, `/v1/workflows/${id}`, '/v1/executions', '/v1/audit-log']) await ask('GET', path)
  for (const one of ids) await ask('POST', `/v1/credentials/${one}/test`, {})
  await ask('PATCH', `/v1/credentials/${ids[0]}`, { data: { token: `${CANARY}-2` } })
  await client.request('POST', '/v1/credentials', { type: 'bearer', name: 'bad', data: { token: `${CANARY} bad`, more: CANARY } }).then(({ text }) => answers.push(text))
  t.equal(await service.api.stop(), 0)

  const tables = await allRows(service.dataDir)
  t.ok(tables.includes(execution), 'the tables are read')
  const forms = [CANARY, BASIC, Buffer.from(CANARY).toString('base64').slice(0, -4), Buffer.from(CANARY).toString('hex'), ...tokens]
  for (const form of forms) {
    t.notOk(answers.join('\n').includes(form), 'no answer')
    t.notOk(service.api.output.includes(form), 'no log line')
    t.notOk(tables.includes(form), 'no row')
    for (const file of await filesBelow(service.dataDir)) {
      if ((await readFile(file)).includes(form)) t.fail(`${file} holds it`)
    }
  }
})

/** Every row of every table as text: in its files the database may have compressed them. */
async function allRows (dataDir: string): Promise<string> {
  const server = await startEmbedded({ dataDir, log: () => {} })
  const { user, ...connection } = server.connection
  const sql = postgres({ ...connection, username: user, max: 1, onnotice: () => {} } as never)
  try {
    const tables = await sql<Array<{ name: string }>>`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`
    let text = ''
    for (const { name } of tables) for (const { row } of await sql<Array<{ row: string }>>`select row_to_json(x)::text as row from ${sql(name)} x`) text += `${row}\n`
    return text
  } finally {
    await sql.end()
    await server.close()
  }
}

async function filesBelow (directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

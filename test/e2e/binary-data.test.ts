import { randomBytes } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { connect as connectTo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { ApiClient, Answer } from '../support/api-client.ts'
import { deployEmbedded, deployOnPostgres, missing } from '../support/deployment.ts'
import { startServer } from '../support/http-server.ts'

const storage = join(tmpdir(), `weconnect-binary-${process.pid}`)
const root = `${storage}-root`
t.teardown(async () => { for (const path of [storage, root]) await rm(path, { recursive: true, force: true }) })
const env = { WECONNECT_EGRESS_ALLOW: '127.0.0.0/8', WECONNECT_FILES_ROOT: join(root, '{organization}'), WECONNECT_STORAGE_DIR: storage, WECONNECT_LARGE_VALUE_SIZE: '100000' }
const service = missing('database') === false ? await deployOnPostgres(t, env) : await deployEmbedded(t, env)
const client = await service.client()

const connect = (...ids: string[]): Array<{ from: string, to: string }> => ids.slice(1).map((to, index) => ({ from: ids[index]!, to }))

async function publish (name: string, nodes: object[], parameters: object = {}): Promise<void> {
  const all = [{ id: 'in', type: 'webhook', parameters: { path: name, ...parameters } }, ...nodes] as Array<{ id: string }>
  await client.publish({ name, nodes: all, connections: connect(...all.map(({ id }) => id)) })
}

async function post (path: string, body: string | Buffer | FormData, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${client.address}/hooks/${client.slug}/${path}`, { method: 'POST', body, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined }
}

interface TriggerItem { readonly json: { readonly body: unknown }, readonly binary?: Record<string, { fileId: string, mimeType: string, fileName?: string, size: number }> }

/** What the workflow's first step emitted. */
async function received ({ body, text }: Answer, of: ApiClient = client): Promise<TriggerItem> {
  await of.finished(body?.executionId ?? t.fail(text))
  return (await of.steps(body.executionId)).get('in')!.outputs['main']![0]! as never
}

async function download (fileId: string): Promise<Buffer> {
  const response = await fetch(`${client.address}/v1/files/${fileId}`, { headers: client.headers })
  return Buffer.from(await response.arrayBuffer())
}

t.test('bodies of webhooks', async t => {
  await publish('bodies', [{ id: 'seen', type: 'set', parameters: { fields: { seen: true } } }])
  await publish('one-file', [{ id: 'seen', type: 'noOp' }], { maxFiles: 1, maxBodySize: 1000 })

  await t.test('multipart with files', async t => {
    const form = new FormData()
    form.set('title', 'Invoice')
    form.set('scan', new File([Buffer.from([0, 1, 2, 255])], '../../scan.png', { type: 'image/png' }))
    const item = await received(await post('bodies', form))
    t.same(item.json.body, { title: 'Invoice' })
    t.match(item.binary, { scan: { mimeType: 'image/png', fileName: 'scan.png', size: 4 } })
    t.same(await download(item.binary!['scan']!.fileId), Buffer.from([0, 1, 2, 255]))
  })

  await t.test('a client that leaves in the middle of a file leaves nothing behind', async t => {
    const stored = async (): Promise<string[]> => (await readdir(storage, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile()).map(({ name }) => name).sort()
    const accepted = async (): Promise<number> => (await client.executions({ trigger: 'webhook' })).length
    const before = [await stored(), await accepted()]
    const head = '--b\r\ncontent-disposition: form-data; name="scan"; filename="scan.png"\r\ncontent-type: image/png\r\n\r\n'
    const { hostname, port } = new URL(client.address)
    const socket = connectTo(Number(port), hostname)
    socket.on('error', () => {})
    socket.write(`POST /hooks/${client.slug}/bodies HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 400000\r\n\r\n${head}`)
    await new Promise<void>(resolve => socket.write(Buffer.alloc(200_000, 7), () => { resolve() }))
    socket.destroy()
    // What came whole, behind it, is taken as ever.
    const form = new FormData()
    form.set('title', 'Invoice')
    await received(await post('bodies', form))
    t.same([await stored(), await accepted()], [before[0], (before[1] as number) + 1])
  })

  await t.test('binary, compressed', async t => {
    const bytes = Buffer.alloc(100_000, 7)
    const item = await received(await post('bodies', gzipSync(bytes), { 'content-type': 'application/pdf', 'content-encoding': 'gzip' }))
    t.equal(item.json.body, null)
    t.match(item.binary, { body: { mimeType: 'application/pdf', size: 100_000 } })
    t.same(await download(item.binary!['body']!.fileId), bytes)
  })

  await t.test('a retry has the files too, and they go with the last of both', async t => {
    const answer = await post('bodies', 'x', { 'content-type': 'image/png' })
    const { binary } = await received(answer)
    const { executionId } = await client.call('POST', `/v1/executions/${answer.body.executionId}/retry`, { from: 'start', version: 'same' })
    await client.finished(executionId)
    await client.call('DELETE', `/v1/executions/${answer.body.executionId}`)
    t.equal((await download(binary!['body']!.fileId)).toString(), 'x')
    t.match((await client.steps(executionId)).get('in')!.outputs['main'], [{ binary }])
  })

  await t.test('a payload that is large and has a file', async t => {
    const form = new FormData()
    form.set('text', 'y'.repeat(150_000))
    form.set('file', new File(['z'], 'z.txt', { type: 'text/plain' }))
    const item = await received(await post('bodies', form))
    t.match(item.binary, { file: { size: 1 } })
  })

  await t.test('what is refused', async t => {
    const files = (count: number): FormData => {
      const form = new FormData()
      for (let n = 0; n < count; n++) form.set(`f${n}`, new File(['x'], 'x.txt'))
      return form
    }
    t.equal((await post('one-file', files(1))).status, 202)
    t.match((await post('one-file', files(2))).body, { status: 422, code: 'WC_INVALID_INPUT', errors: [{ code: 'WC_TOO_MANY_FILES' }] })
    t.equal((await post('one-file', gzipSync(Buffer.alloc(1001)), { 'content-encoding': 'gzip', 'content-type': 'image/png' })).status, 413)
    t.equal((await post('bodies', 'x', { 'content-type': 'text/plain; charset=klingon' })).status, 415)
    t.equal((await post('bodies', '{', { 'content-type': 'application/json' })).status, 400)
  })
})

t.test('a workbook comes in, and goes out into the folder and back', async t => {
  await publish('table', [
    { id: 'split', type: 'splitOut', parameters: { field: 'body' } },
    { id: 'write', type: 'convertToFile', parameters: { format: 'xlsx', fileName: 'rows.xlsx' } },
    { id: 'keep', type: 'readWriteFile', parameters: { operation: 'write', path: 'out/{{ $json.fileName }}' } },
    { id: 'fetch', type: 'readWriteFile', parameters: { operation: 'read', path: '{{ $json.path }}' } },
    { id: 'read', type: 'extractFromFile', parameters: {} }
  ])
  const rows = [{ name: 'Zoë', n: 1, ok: true }, { name: 'B', n: 2.5, ok: false }]
  const answer = await post('table', JSON.stringify(rows), { 'content-type': 'application/json' })
  t.match(await client.finished(answer.body.executionId), { status: 'succeeded' })
  const steps = await client.steps(answer.body.executionId)
  t.same(steps.get('read')!.outputs['main']!.map(({ json }) => json), rows)
  const [organization] = await readdir(root)
  t.same(await readdir(join(root, organization!, 'out')), ['rows.xlsx'])

  await publish('escape', [{ id: 'read', type: 'readWriteFile', parameters: { operation: 'read', path: '{{ $json.body.path }}' } }])
  for (const path of ['/etc/passwd', 'a/../../b', '..%2f..%2fetc', '/proc/self/environ']) {
    const { body } = await post('escape', JSON.stringify({ path }), { 'content-type': 'application/json' })
    t.match(await client.finished(body.executionId), { status: 'failed', error: { code: 'WC_FILE_OUTSIDE_ROOT' } }, path)
  }
})

t.test('files go out with requests, and come back as answers', async t => {
  const seen: Array<{ type: string | undefined, length: string | undefined, body: Buffer }> = []
  const server = await startServer((request, response) => {
    void Readable.from(request).toArray().then(chunks => {
      const body = Buffer.concat(chunks as Buffer[])
      seen.push({ type: request.headers['content-type'], length: request.headers['content-length'], body })
      if (request.url === '/moved') response.writeHead(307, { location: '/' }).end()
      else if (request.url === '/wrong') response.writeHead(404, { 'content-type': 'text/plain' }).end('none here')
      else response.writeHead(200, { 'content-type': 'image/png', 'content-encoding': 'gzip', 'content-disposition': 'attachment; filename="../answer.png"' }).end(gzipSync(body))
    })
  })
  t.teardown(async () => { await server.close() })
  const bytes = randomBytes(3_000_000)
  const request = { id: 'send', type: 'httpRequest', parameters: { method: 'POST', url: `${server.url}/{{ $json.query.path ?? '' }}`, bodyType: 'binary', response: 'binary', responseName: 'answer' } }
  await publish('relay', [request])
  const run = async (path: string, body: Buffer | FormData, headers: Record<string, string> = {}) => {
    const { body: { executionId } } = await post(path, body, headers)
    const execution = await client.finished(executionId)
    return { execution, item: (await client.steps(executionId)).get('send')?.outputs['main']?.[0] as unknown as TriggerItem & { json: { status: number } } }
  }

  await t.test('a whole body, over a redirect', async t => {
    const { item } = await run('relay?path=moved', bytes, { 'content-type': 'image/jpeg' })
    t.match(item, { json: { status: 200, body: null }, binary: { answer: { mimeType: 'image/png', fileName: 'answer.png', size: bytes.length } } })
    t.same(seen.map(({ type, length }) => [type, length]), [['image/jpeg', '3000000'], ['image/jpeg', '3000000']])
    t.ok(seen.every(({ body }) => body.equals(bytes)))
    t.ok((await download(item.binary!['answer']!.fileId)).equals(bytes))
  })

  await t.test('a status that is an error makes no file', async t => {
    const { execution } = await run('relay?path=wrong', Buffer.from('x'), { 'content-type': 'image/jpeg' })
    t.match(execution, { status: 'failed', error: { code: 'WC_HTTP_STATUS' } })
  })

  await t.test('a form with files', async t => {
    await publish('form', [{ id: 'send', type: 'httpRequest', parameters: { method: 'POST', url: server.url, bodyType: 'multipart', body: { title: '{{ $json.body.title }}', n: [1, 2] }, files: { photo: 'scan' }, response: 'binary' } }])
    const form = new FormData()
    form.set('title', 'Ünvoice')
    form.set('scan', new File([bytes], 'a "b".bin', { type: 'application/x-thing' }))
    const { item } = await run('form', form)
    const { type } = seen.at(-1)!
    const sent = await new Response(await download(item.binary!['file']!.fileId), { headers: { 'content-type': type! } }).formData()
    t.equal(sent.get('title'), 'Ünvoice')
    t.same(sent.getAll('n'), ['1', '2'])
    const photo = sent.get('photo') as File
    t.match(photo, { name: 'a "b".bin', type: 'application/x-thing', size: bytes.length })
    t.ok(Buffer.from(await photo.arrayBuffer()).equals(bytes))
  })

  await t.test('what has no binary data sends none', async t => {
    const { execution } = await run('relay', Buffer.from('{}'), { 'content-type': 'application/json' })
    t.match(execution, { status: 'failed', error: { code: 'WC_PARAMETER' } })
  })
})

t.test('answers: a file, a redirect, and nobody there any more', async t => {
  const waiting = { response: 'respondNode', responseTimeout: '10s' }
  await publish('file', [{ id: 'reply', type: 'respond', parameters: { status: 201, binaryName: 'body', headers: { 'Content-Disposition': 'attachment; filename="x.bin"' } } }], waiting)
  const bytes = randomBytes(1_000_000)
  const response = await fetch(`${client.address}/hooks/${client.slug}/file`, { method: 'POST', body: bytes, headers: { 'content-type': 'image/png' } })
  t.equal(response.status, 201)
  t.match(Object.fromEntries(response.headers), { 'content-type': 'image/png', 'content-disposition': 'attachment; filename="x.bin"', 'x-content-type-options': 'nosniff', 'content-security-policy': /sandbox/ })
  t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))

  await publish('page', [{ id: 'reply', type: 'respond', parameters: { body: '<p>', headers: { 'Content-Type': 'text/html', 'Content-Security-Policy': 'script-src https:', 'X-Content-Type-Options': 'none' } } }], waiting)
  const page = await client.request('POST', `/hooks/${client.slug}/page`, {})
  t.match(Object.fromEntries(page.headers), { 'content-security-policy': /^script-src https:, sandbox (?!.*same-origin)/, 'x-content-type-options': 'nosniff' }, 'no page gives itself the rights of this origin')

  await publish('go', [{ id: 'reply', type: 'respond', parameters: { redirect: '{{ $json.body.to }}' } }], waiting)
  const go = async (to: string) => await fetch(`${client.address}/hooks/${client.slug}/go`, { method: 'POST', body: JSON.stringify({ to }), headers: { 'content-type': 'application/json' }, redirect: 'manual' })
  for (const [to, location] of [['https://example.com/thänks?a=b c', 'https://example.com/th%C3%A4nks?a=b%20c'], ['/v1/x', '/v1/x']] as const) {
    const { status, headers } = await go(to)
    t.same([status, headers.get('location')], [302, location])
  }
  for (const to of ['javascript:alert(1)', '//evil.example', 'relative']) t.equal((await go(to)).status, 422, to)

  await publish('slow', [{ id: 'pause', type: 'wait', parameters: { for: '500ms' } }, { id: 'reply', type: 'respond', parameters: { body: 'late' } }], waiting)
  const before = await client.executions()
  await t.rejects(fetch(`${client.address}/hooks/${client.slug}/slow`, { method: 'POST', signal: AbortSignal.timeout(250) }))
  const [started] = (await client.executions()).filter(({ id }) => !before.some(one => one.id === id))
  t.match(await client.finished(started!.id), { status: 'succeeded' }, 'the caller is gone, the execution is not')
})

t.test('without its storage it refuses what belongs there, and takes the rest', async t => {
  await rm(storage, { recursive: true, force: true })
  await writeFile(storage, '')
  const before = (await client.executions()).length
  t.match(await post('bodies', 'x', { 'content-type': 'image/png' }), { status: 503, body: { code: 'WC_STORAGE_UNAVAILABLE' } })
  t.equal((await client.executions()).length, before, 'nothing of it is kept')
  t.equal((await post('bodies', '{}', { 'content-type': 'application/json' })).status, 202)
})

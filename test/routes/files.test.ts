import t from 'tap'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileRoutes } from '../../src/routes/files.ts'
import { createFiles, type Files } from '../../src/services/files/files.ts'
import { openLocalStorage } from '../../src/storage/local.ts'
import { register, testApp } from '../support/app.ts'

const directory = await mkdtemp(join(tmpdir(), 'weconnect-files-'))
t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
const storage = await openLocalStorage(directory)
const opened: { files?: Files } = {}
const lazily: Files = {
  write: async (...args) => await opened.files!.write(...args),
  store: async (...args) => { await opened.files!.store(...args) },
  find: async (...args) => await opened.files!.find(...args),
  read: async (...args) => await opened.files!.read(...args),
  download: async (...args) => await opened.files!.download(...args)
}
const { app, database, nextId } = await testApp(t, { tenantRoutes: [{ prefix: '/files', routes: async scope => { await scope.register(fileRoutes, { files: lazily }) } }] })
const files = createFiles({ sql: database.service, storage, nextId })
opened.files = files
const [owner, other] = [await register(app), await register(app)]
const bytes = randomBytes(200_000)

async function * chunks (): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 7777) yield bytes.subarray(at, at + 7777)
}

const write = async (facts: { mediaType: string, name: string | null }) =>
  await files.write({ organizationId: owner.organizationId, executionId: nextId() }, chunks(), { ...facts, limit: 1_000_000 })
const get = async (id: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  await app.inject({ method, url: `/v1/files/${id}`, headers: { ...owner.headers, ...headers } })

t.test('a file is sent as an attachment that no browser runs', async t => {
  const { id, size } = await write({ mediaType: 'text/html', name: 'Отчёт "1".html' })
  const answer = await get(id)
  t.equal(answer.statusCode, 200)
  t.ok(answer.rawPayload.equals(bytes))
  t.match(answer.headers, {
    'content-type': 'text/html',
    'content-length': String(size),
    'content-security-policy': /sandbox/,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'accept-ranges': 'bytes',
    'content-disposition': /^attachment; filename=".*"; filename\*=UTF-8''%D0%9E/
  })
  const head = await get(id, {}, 'HEAD')
  t.match(head, { statusCode: 200, rawPayload: Buffer.alloc(0), headers: { 'content-length': String(size) } })
})

t.test('parts of it', async t => {
  const { id } = await write({ mediaType: 'application/octet-stream', name: null })
  const cases: Array<[range: string, start: number, end: number]> = [['bytes=0-0', 0, 0], ['bytes=100-', 100, 199_999], ['bytes=-10', 199_990, 199_999], ['bytes=199999-900000', 199_999, 199_999], ['bytes=-900000', 0, 199_999]]
  for (const [range, start, end] of cases) {
    const answer = await get(id, { range })
    t.match(answer, { statusCode: 206, headers: { 'content-range': `bytes ${start}-${end}/200000`, 'content-length': String(end - start + 1) } }, range)
    t.ok(answer.rawPayload.equals(bytes.subarray(start, end + 1)), range)
  }
  for (const range of ['bytes=200000-', 'bytes=5-4', 'bytes=-0']) {
    t.match(await get(id, { range }), { statusCode: 416, headers: { 'content-range': 'bytes */200000', 'content-type': /problem\+json/ } }, range)
  }
  for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=a-b', 'bytes=-', '']) t.equal((await get(id, { range })).statusCode, 200, range)
})

t.test('what is not there', async t => {
  const { id } = await write({ mediaType: 'text/plain', name: 'a.txt' })
  t.equal((await app.inject({ url: `/v1/files/${id}`, headers: other.headers })).statusCode, 404, 'of another organization')
  t.equal((await app.inject({ url: `/v1/files/${id}` })).statusCode, 401)
  t.equal((await get(nextId())).statusCode, 404)
  for (const bad of ['x', '..%2F..%2Fetc%2Fpasswd', id.toUpperCase()]) t.match(await get(bad), { statusCode: 422 }, bad)

  const internal = nextId()
  await files.store({ organizationId: owner.organizationId, executionId: nextId() }, { id: internal, kind: 'values', mediaType: 'application/json', size: bytes.length }, chunks())
  t.equal((await get(internal)).statusCode, 404, 'of values, which steps show')

  await t.rejects(files.write({ organizationId: owner.organizationId, executionId: nextId() }, chunks(), { mediaType: 'text/plain', name: null, limit: 199_999 }), { name: 'FileTooLarge' })
  const [unfinished] = await database.service<Array<{ id: string }>>`select id from files where size is null`
  t.equal((await get(unfinished!.id)).statusCode, 404, 'not complete')

  await storage.remove({ organizationId: owner.organizationId, fileId: id })
  t.match(await get(id), { statusCode: 404 }, 'its bytes are gone')
})

import t from 'tap'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createIdSource } from '../../src/lib/ids.ts'
import { FileMissing, StorageError, type FileStorage } from '../../src/storage/port.ts'
import { openLocalStorage } from '../../src/storage/local.ts'
import { createS3Storage } from '../../src/storage/s3/index.ts'
import { PART_SIZE } from '../../src/storage/s3/upload.ts'
import { startS3Server } from '../support/s3-server.ts'

const nextId = createIdSource(Date.now)
const key = () => ({ organizationId: nextId(), fileId: nextId() })

async function * chunksOf (bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function bytesOf (stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const root = await mkdtemp(join(tmpdir(), 'weconnect-files-'))
t.teardown(async () => { await rm(root, { recursive: true, force: true }) })
const s3 = await startS3Server(t)

const adapters: Record<string, FileStorage> = { local: await openLocalStorage(join(root, 'files')), s3: createS3Storage(s3.address) }

for (const [name, storage] of Object.entries(adapters)) {
  t.teardown(async () => { await storage.close() })

  t.test(`${name}: what was written is read, as a whole and in part, until it is removed`, async t => {
    for (const size of [0, 1, 70_000, PART_SIZE, 2 * PART_SIZE + 12_345]) {
      const place = key()
      const bytes = randomBytes(size)
      await storage.write(place, chunksOf(bytes, 64 * 1024 - 7))
      t.equal(sum(await bytesOf(await storage.read(place))), sum(bytes), `${size} bytes`)
      if (size > 10_000) t.same(await bytesOf(await storage.read(place, { start: 9_000, end: 9_999 })), bytes.subarray(9_000, 10_000))
      await storage.remove(place)
      await t.rejects(storage.read(place), FileMissing)
      await storage.remove(place)
    }
  })

  t.test(`${name}: of a write that fails nothing remains`, async t => {
    const place = key()
    async function * failing (): AsyncGenerator<Buffer> {
      yield randomBytes(2 * PART_SIZE)
      throw new RangeError('the source broke')
    }
    await t.rejects(storage.write(place, failing()), new RangeError('the source broke'))
    await t.rejects(storage.read(place), FileMissing)
    await storage.write(place, chunksOf(Buffer.from('second attempt'), 5))
    t.equal(String(await bytesOf(await storage.read(place))), 'second attempt')
  })

  t.test(`${name}: the same id in another organization is another file`, async t => {
    const place = key()
    await storage.write(place, chunksOf(Buffer.from('ours'), 10))
    await t.rejects(storage.read({ ...place, organizationId: nextId() }), FileMissing)
  })

  t.test(`${name}: many at once`, async t => {
    const organizationId = nextId()
    const files = Array.from({ length: 40 }, () => ({ place: { organizationId, fileId: nextId() }, bytes: randomBytes(10_000) }))
    await Promise.all(files.map(async ({ place, bytes }) => { await storage.write(place, chunksOf(bytes, 3000)) }))
    for (const { place, bytes } of files) t.equal(sum(await bytesOf(await storage.read(place))), sum(bytes))
  })
}

t.test('local: files are for this user only, and named by ids', async t => {
  const place = key()
  const local = adapters['local']!
  await local.write(place, chunksOf(Buffer.from('x'), 1))
  t.equal((await stat(join(root, 'files', place.organizationId, place.fileId))).mode & 0o777, 0o600)
  t.equal((await stat(join(root, 'files', place.organizationId))).mode & 0o777, 0o700)
  t.same(await readdir(join(root, 'files', place.organizationId)), [place.fileId])
  for (const fileId of ['../../etc/passwd', '', 'a/b', '..']) await t.rejects(local.read({ ...place, fileId }), TypeError, fileId)
})

t.test('local: a directory that does not take files is a failure of the storage', async t => {
  const place = key()
  await writeFile(join(root, 'files', place.organizationId), 'in the way')
  await t.rejects(adapters['local']!.write(place, chunksOf(Buffer.from('x'), 1)), StorageError)
  await t.rejects(adapters['local']!.read(place), StorageError)
})

t.test('s3: bad keys, a bucket that is not there and a store that is away are failures of the storage', async t => {
  for (const wrong of [{ secretAccessKey: 'other' }, { bucket: 'nowhere' }]) {
    const storage = createS3Storage({ ...s3.address, ...wrong })
    await t.rejects(storage.write(key(), chunksOf(Buffer.from('x'), 1)), StorageError, JSON.stringify(wrong))
    await storage.close()
  }
  await s3.stop()
  const away = createS3Storage(s3.address)
  await t.rejects(away.write(key(), chunksOf(Buffer.from('x'), 1)), /does not answer: ECONNREFUSED/)
  await away.close()
})

import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createFolders } from '../../../src/services/files/folder.ts'
import { folderPath } from '../../../src/services/files/folder-path.ts'

const top = await mkdtemp(join(tmpdir(), 'weconnect-folder-'))
t.teardown(async () => { await rm(top, { recursive: true, force: true }) })
const root = join(top, 'root')
await mkdir(join(root, 'in'), { recursive: true })
await writeFile(join(top, 'secret'), 'secret')
await writeFile(join(root, 'in/a.txt'), 'inside')
await symlink(join(top, 'secret'), join(root, 'link'))
await symlink(top, join(root, 'away'))
await symlink('in', join(root, 'alias'))
await symlink(join(top, 'new'), join(root, 'dangling'))
const folder = createFolders(root)('o')

async function * bytes (...texts: string[]) { for (const text of texts) yield Buffer.from(text) }

async function textOf (path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await folder.read(path)).bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

t.test('what leads out is refused', async t => {
  for (const path of ['/etc/passwd', 'a/../../b', '..', '../secret', 'in/../../secret', '..%2f..%2fetc', '%2e%2e/secret', '/proc/self/environ', '..\\secret', 'C:\\x', 'c:x', '%2fetc%2fpasswd']) {
    t.throws(() => folderPath(path), { code: 'WC_FILE_OUTSIDE_ROOT', detail: { pointer: '/path' } }, path)
    const works: Array<Promise<unknown>> = [folder.read(path), folder.write(path, bytes('x'), { overwrite: true }), folder.remove(path), folder.list(path, 10)]
    for (const work of works) await t.rejects(work, { code: 'WC_FILE_OUTSIDE_ROOT' }, path)
  }
  for (const path of ['', 'a\0b', './.', 'x'.repeat(2000)]) t.throws(() => folderPath(path), { code: 'WC_PARAMETER' }, JSON.stringify(path.slice(0, 10)))
})

t.test('links lead nowhere else', async t => {
  await t.rejects(folder.read('link'), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(folder.read('away/secret'), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(folder.write('away/new', bytes('x'), { overwrite: true }), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(folder.write('away/deep/new', bytes('x'), { overwrite: true }), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(folder.write('link', bytes('x'), { overwrite: true }), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.write('dangling', bytes('x'), { overwrite: true }), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.list('away', 10), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(folder.remove('away/secret'), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(folder.remove('link'), { code: 'WC_FILE_KIND' })
  t.equal(await textOf('alias/a.txt'), 'inside', 'within the folder they do')
  t.same((await readdir(top)).sort(), ['root', 'secret'])
})

t.test('pipes, directories and devices are no files', async t => {
  execFileSync('mkfifo', [join(root, 'pipe')])
  await t.rejects(folder.read('pipe'), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.write('pipe', bytes('x'), { overwrite: true }), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.read('in'), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.write('in', bytes('x'), { overwrite: true }), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.remove('in'), { code: 'WC_FILE_KIND' })
  await t.rejects(folder.read('in/a.txt/b'), { code: 'WC_FILE_KIND' })
  await t.rejects(createFolders('/dev')('o').read('zero'), { code: 'WC_FILE_KIND' })
})

t.test('files are written whole, read, listed and deleted', async t => {
  t.match(await folder.write('out/deep/b.txt', bytes('one ', 'two'), { overwrite: false }), { path: 'out/deep/b.txt', kind: 'file', size: 7, modifiedAt: Number })
  await t.rejects(folder.write('out/deep/b.txt', bytes('x'), { overwrite: false }), { code: 'WC_FILE_EXISTS' })
  await t.rejects(folder.write('out/deep/b.txt', (async function * () { yield Buffer.from('half'); throw new Error('cut') })(), { overwrite: true }), { message: 'cut' })
  t.equal(await textOf('./out//deep/b.txt'), 'one two')
  t.same(await readdir(join(root, 'out/deep')), ['b.txt'], 'no draft is left')
  t.match((await folder.list('.', 10)).map(({ path, kind }) => [path, kind]), [['in', 'directory'], ['out', 'directory']], 'no links, no pipes')
  t.match(await folder.list('out/deep', 10), [{ path: 'out/deep/b.txt', size: 7 }])
  await t.rejects(folder.list('.', 1), { code: 'WC_FILE_LIMIT' })
  t.equal(await folder.remove('out/deep/b.txt'), true)
  t.equal(await folder.remove('out/deep/b.txt'), false)
  t.equal(await folder.remove('none/deep/b.txt'), false)
  await t.rejects(folder.read('out/deep/b.txt'), { code: 'WC_FILE_NOT_FOUND' })
})

t.test('one for each organization, where it is so set, or none', async t => {
  const folders = createFolders(join(top, 'all/{organization}'))
  await folders('one').write('a', bytes('1'), { overwrite: true })
  await t.rejects(folders('two').read('a'), { code: 'WC_FILE_NOT_FOUND' })
  await t.rejects(folders('two').read('../one/a'), { code: 'WC_FILE_OUTSIDE_ROOT' })
  await t.rejects(createFolders(null)('one').read('a'), { code: 'WC_FILES_ROOT', message: /WECONNECT_FILES_ROOT/ })
})

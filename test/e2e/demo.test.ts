import t from 'tap'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entrypoints, startProcess, until } from '../support/service-process.ts'

t.setTimeout(240_000)

const entry = fileURLToPath(new URL('../../dist/demo/main.js', import.meta.url))

interface Ended { readonly code: number | null, readonly stdout: string, readonly stderr: string }

async function runDemo (tmp: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return await new Promise(resolve => {
    const child = execFile(process.execPath, [entry], { env: { PATH: process.env['PATH'], TMPDIR: tmp, ...env } }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr })
    })
  })
}

t.test('the demo runs the examples to their ends, shows them live, and leaves nothing behind', async t => {
  const tmp = await mkdtemp(join(tmpdir(), 'weconnect-demo-test-'))
  t.teardown(async () => { await rm(tmp, { recursive: true, force: true }) })
  const { code, stdout, stderr } = await runDemo(tmp)
  t.equal(stderr, '')
  t.equal(code, 0)

  const executions = stdout.split('\n').flatMap(line => /^([0-9a-f-]{36}) +(\d{3}) +(\d+) +\d+ ms {2}(.+)$/.exec(line)?.slice(1, 5) ?? [])
  const rows = Array.from({ length: executions.length / 4 }, (_, index) => executions.slice(index * 4, index * 4 + 4))
  t.equal(rows.length, 9)
  for (const [id, , steps, title] of rows) {
    const seen = stdout.split('\n').filter(line => line.includes(`${id}  `) && /#\d+/.test(line))
    t.same(seen.map(line => Number(/#(\d+)/.exec(line)?.[1])), seen.map((_, index) => index + 1), `events of "${title}" without gap or repeat`)
    t.match(seen.at(-1), /execution\.succeeded/)
    t.ok(Number(steps) >= 3)
  }
  t.match(stdout, /The notified server heard:\n {2}.*\n.*idempotency key .+:notify:0:0\n/)
  t.match(stdout, /All of it as it should be/)
  t.same(await readdir(tmp), [])
})

t.test('a demo that cannot run says why, and fails', async t => {
  const { code, stderr } = await runDemo(join(tmpdir(), 'weconnect-no-such-directory'))
  t.equal(code, 1)
  t.match(stderr, /^The demo failed: .*no-such-directory/)
})

t.test('a start that fails says what to do, and a first one still shows what is shown once', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-test-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true, force: true }) })
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => { other.close() })
  const { port } = other.address() as AddressInfo
  const taken = startProcess(t, 'on a port that is taken', entrypoints.all, { PORT: String(port), WECONNECT_DATA_DIR: dataDir })
  t.match(await taken.exit, { code: 1 })
  t.match(taken.output, `Port ${port} of 127.0.0.1 is in use by another process: stop that one, or set PORT to another port.`)
  t.match(taken.output, /Password {6}\S+/, 'the owner is there now, so its password is shown')
  t.notMatch(taken.output, 'is running at')
})

t.test('a first start that is told to end completes before it does', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-test-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true, force: true }) })
  const first = startProcess(t, 'first start', entrypoints.all, { PORT: '0', WECONNECT_DATA_DIR: dataDir })
  await until('the key is there', () => existsSync(join(dataDir, 'api-key')), undefined, 2)
  t.equal(await first.stop(), 0)
  t.match(first.output, /Password {6}\S+/)
  t.notMatch(first.output, '"level":"fatal"')
})

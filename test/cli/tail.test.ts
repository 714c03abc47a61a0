import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { formatEvent, formatJson } from '../../src/cli/format-event.ts'
import { tailEvents, type EventFrame } from '../../src/cli/tail-client.ts'
import { tailCommand } from '../../src/cli/tail.ts'
import type { Event } from '../../src/engine/events.ts'
import { tailApp } from '../routes/tail-app.ts'
import { accept, append, nextId, runWhole, segmentsOf } from '../services/tail/history.ts'

const { app, port, headers, organizationId, workflowId, sql, hints } = await tailApp(t)
const created = await app.inject({ method: 'POST', url: '/v1/api-keys', headers, payload: { name: 'cli' } })
const apiKey = created.json<{ secret: string }>().secret
const url = `http://127.0.0.1:${port}`

async function command (args: readonly string[], env: Record<string, string> = { WECONNECT_API_KEY: apiKey }) {
  const out: string[] = []
  const err: string[] = []
  const status = await tailCommand(args, { env, colours: false, out: line => { out.push(line) }, err: line => { err.push(line) } })
  return { status, out, err: err.join('\n') }
}

async function finished (last: Event): Promise<string> {
  const started = await accept(sql, organizationId, workflowId)
  await append(sql, started, 2, [{ type: 'execution.started', at: 1 }, last], nextId())
  return started.executionId
}

t.test('prints an execution to its end, and says how it ended', async t => {
  const good = await command([await finished({ type: 'execution.succeeded', at: 1 }), '--url', url])
  t.equal(good.status, 0)
  t.equal(good.out.length, 3)
  t.match(good.out[0], /^\d\d:\d\d:\d\d\.\d{3} {4}#1 {2}execution\.queued {6}webhook, version 3$/)
  const error = { code: 'WC_X', message: 'broken' }
  for (const last of [{ type: 'execution.failed', at: 1, error }, { type: 'execution.cancelled', at: 1 }, { type: 'execution.timedOut', at: 1, error }] as const) {
    t.equal((await command([await finished(last), '--url', url])).status, 1, last.type)
  }
  const json = await command([await finished({ type: 'execution.succeeded', at: 1 }), '--url', url, '--json'])
  t.strictSame(json.out.map(line => (JSON.parse(line) as EventFrame).seq), [1, 2, 3])
})

t.test('what cannot be done ends with 2 and says what to do', async t => {
  const id = await finished({ type: 'execution.succeeded', at: 1 })
  const cases: Array<[string[], Record<string, string>, RegExp]> = [
    [[], { WECONNECT_API_KEY: apiKey }, /name an execution or a workflow/],
    [['nonsense'], { WECONNECT_API_KEY: apiKey }, /is not an id/],
    [[id, id], { WECONNECT_API_KEY: apiKey }, /only one/],
    [[id, '--organization'], { WECONNECT_API_KEY: apiKey }, /either/],
    [[id, '--nope'], { WECONNECT_API_KEY: apiKey }, /--nope[\s\S]*--help/],
    [[id, '--url', 'ftp://x'], { WECONNECT_API_KEY: apiKey }, /not an address/],
    [[id, '--url', url], { WECONNECT_DATA_DIR: '/nowhere' }, /no API key: give --key/],
    [[id, '--url', url, '--key', 'wc_wrong'], {}, /API key is not valid[\s\S]*--key/],
    [[nextId(), '--url', url], { WECONNECT_API_KEY: apiKey }, /no execution and no workflow/],
    [[id, '--url', 'http://127.0.0.1:1'], { WECONNECT_API_KEY: apiKey }, /cannot be reached[\s\S]*npm start/]
  ]
  for (const [args, env, expected] of cases) {
    const result = await command(args, env)
    t.match(result, { status: 2, err: expected, out: [] }, args.join(' '))
  }
  t.match(await command(['--help'], {}), { status: 0, err: '' })
})

t.test('as a program: key from the data directory, no colours into a pipe', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true }) })
  await writeFile(join(dataDir, 'api-key'), `${apiKey}\n`)
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  const run = async (args: string[]): Promise<{ code: number | null, out: string }> => await new Promise(resolve => {
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], { env: { PATH: process.env['PATH'], WECONNECT_DATA_DIR: dataDir } })
    let out = ''
    child.stdout.on('data', chunk => { out += String(chunk) })
    child.on('close', code => { resolve({ code, out }) })
  })
  const id = await finished({ type: 'execution.succeeded', at: 1 })
  const [tailed, help, unknown] = await Promise.all([run(['tail', id, '--url', url]), run(['--help']), run(['nope'])])
  t.equal(tailed.code, 0)
  t.equal(tailed.out.split('\n').length, 4)
  t.notMatch(tailed.out, '\u001b')
  t.match(help, { code: 0, out: /tail/ })
  t.match(unknown, { code: 2, out: '' })
})

t.test('what strangers wrote cannot steer the terminal', async t => {
  const frame: EventFrame = {
    type: 'event', id: 't', executionId: nextId(), seq: 2, cursor: 'c', at: '2026-01-01T00:00:00.000Z', event: { type: 'log', level: 'info', message: 'a\u001b[2Jb\r\n\u009bc\u202ed' }
  }
  t.match(formatEvent(frame, { colours: false, showExecution: false }), /a\\u001b\[2Jb\\u000d\\u000a\\u009bc\\u202ed$/)
  t.equal(formatEvent(frame, { colours: true, showExecution: true }).replaceAll(/\p{Cc}\[\d+m/gu, '').includes('\u001b'), false)
  t.strictSame(JSON.parse(formatJson(frame)), frame)
  t.notMatch(formatJson(frame), /\p{Cc}/u)
})

/** Passes bytes on, until it is told to break. */
async function fragileProxy (): Promise<{ url: string, break (): void, close (): void }> {
  const open = new Set<net.Socket>()
  const server = net.createServer(client => {
    const upstream = net.connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => { open.delete(socket); client.destroy(); upstream.destroy() })
    }
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const proxy = {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    break () { for (const socket of open) socket.resetAndDestroy() },
    close () { proxy.break(); server.close() }
  }
  return proxy
}

t.test('connections that break cost nothing but time', async t => {
  const proxy = await fragileProxy()
  t.teardown(proxy.close)
  const stop = new AbortController()
  const started = await accept(sql, organizationId, workflowId)
  const wide: string[] = []
  const single: number[] = []
  const connected = { wide: 0, single: 0 }

  async function watch (): Promise<void> {
    try {
      for await (const { executionId, seq } of tailEvents({ url: proxy.url, apiKey, target: { organization: true }, signal: stop.signal, onConnected: () => { connected.wide++ } })) wide.push(`${executionId} ${seq}`)
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
  }
  async function follow (): Promise<void> {
    for await (const { seq } of tailEvents({ url: proxy.url, apiKey, target: { executionId: started.executionId }, onConnected: () => { connected.single++ } })) single.push(seq)
  }
  const watching = watch()
  const following = follow()
  while (connected.wide === 0 || connected.single === 0) await new Promise(resolve => setTimeout(resolve, 5))
  // Before the first event, too.
  proxy.break()
  // Each time when both have come back: a busy machine needs longer for that than a break lasts.
  const broken = { ...connected }
  const breaking = setInterval(() => {
    if (connected.wide === broken.wide || connected.single === broken.single) return
    Object.assign(broken, connected)
    proxy.break()
  }, 400)
  t.teardown(() => { clearInterval(breaking) })

  let published = 0
  await runWhole(sql, started, segmentsOf(60), async hint => {
    hints.publish([hint])
    await new Promise(resolve => setTimeout(resolve, 40))
    // On a busy machine it takes them a while to come back.
    if (++published === 30) while (connected.wide <= 2 || connected.single <= 2) await new Promise(resolve => setTimeout(resolve, 20))
  })
  await following
  clearInterval(breaking)
  while (wide.length < 122) await new Promise(resolve => setTimeout(resolve, 20))
  stop.abort()
  await watching
  const all = Array.from({ length: 123 }, (_, index) => index + 1)
  t.strictSame(single, all)
  t.strictSame(wide, all.slice(1).map(seq => `${started.executionId} ${seq}`))
  t.ok(connected.wide > 2 && connected.single > 2, `connected ${connected.wide} and ${connected.single} times`)
})

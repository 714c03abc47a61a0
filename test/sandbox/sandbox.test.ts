import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openSandbox, runCode } from '../support/code-runs.ts'

const ON_LINUX = process.platform === 'linux'

/** Processes that run code for process `parent`. */
function childrenOf (parent: number): number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => {
    try {
      return / (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) \S/, ''))?.[1] === String(parent) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sandbox/child/main.js')
    } catch {
      return false
    }
  })
}

function isAlive (pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function until (condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 20))
}

function niceOf (pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')[16])
}

const FOREVER = 'for (;;);'
const codeOf = async (run: Promise<unknown>): Promise<unknown> => await run.then(() => 'succeeded', (error: { code?: string, message: string }) => error.code ?? error.message)

t.test('its processes have nothing', { skip: ON_LINUX ? false : 'looks into /proc' }, async t => {
  const sandbox = openSandbox()
  t.teardown(async () => { await sandbox.close() })
  await runCode(sandbox, 'return {}')
  const [pid] = childrenOf(process.pid)
  t.equal(readFileSync(`/proc/${pid}/environ`, 'utf8'), '', 'no environment')
  t.equal(readlinkSync(`/proc/${pid}/cwd`), '/', 'no directory of ours')
  const open = readdirSync(`/proc/${pid}/fd`).map(fd => readlinkSync(`/proc/${pid}/fd/${fd}`))
  t.same(open.filter(target => target.startsWith('/') && target !== '/dev/null'), [], 'no files')
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  t.ok(command.some(argument => /^--(experimental-)?permission$/.test(argument)), 'no permissions')
  t.notOk(command.some(argument => /^--allow-(fs-write|child-process|worker|addons)/.test(argument)))
})

t.test('an abort ends the code at once, running or waiting', async t => {
  const sandbox = openSandbox({ processes: 1 })
  t.teardown(async () => { await sandbox.close() })
  await runCode(sandbox, 'return {}')
  const running = new AbortController()
  const waiting = new AbortController()
  const runs = [runCode(sandbox, FOREVER, { timeout: '5m', signal: running.signal }), runCode(sandbox, FOREVER, { timeout: '5m', signal: waiting.signal })].map(codeOf)
  waiting.abort(new Error('not wanted'))
  t.equal(await runs[1], 'not wanted')
  running.abort(new Error('cancelled'))
  t.equal(await runs[0], 'cancelled')
  t.match(await runCode(sandbox, 'return { a: 1 }'), { items: [{ json: { a: 1 } }] }, 'the next run gets a process')
})

t.test('native functions that never look at the clock are killed from outside', async t => {
  const sandbox = openSandbox()
  t.teardown(async () => { await sandbox.close() })
  t.equal(await codeOf(runCode(sandbox, 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)', { timeout: '200ms' })), 'WC_CODE_TIMEOUT')
  t.equal(await codeOf(runCode(sandbox, FOREVER, { timeout: '50ms' })), 'WC_CODE_TIMEOUT')
  t.equal(await codeOf(runCode(sandbox, 'const later = () => Promise.resolve().then(later); await later()', { timeout: '200ms' })), 'WC_CODE_TIMEOUT')
  t.equal(await codeOf(runCode(sandbox, 'await new Promise(resolve => setTimeout(resolve, 60000))', { timeout: '100ms' })), 'WC_CODE_TIMEOUT')
})

t.test('bombs', async t => {
  const sandbox = openSandbox()
  t.teardown(async () => { await sandbox.close() })
  for (const [code, expected] of [
    ['const list = []; for (;;) list.push({ x: 1 })', /^WC_CODE_(MEMORY|TIMEOUT)$/],
    ['let text = "x"; for (;;) text += text', /^WC_CODE_(MEMORY|ERROR)$/],
    ['await null; const list = []; for (;;) list.push(new Array(1000).fill(1))', /^WC_CODE_(MEMORY|TIMEOUT)$/],
    ['(function deep () { deep() })()', /^WC_CODE_ERROR$/],
    ['return eval("(".repeat(50000))', /^WC_CODE_ERROR$/],
    ['return { a: /(a+)+$/.test("a".repeat(50) + "b") }', /^WC_CODE_TIMEOUT$/],
    ['return Array.from({ length: 30 }, () => ({ a: "x".repeat(1e6) }))', /^WC_CODE_OUTPUT_SIZE$/]
  ] as const) {
    const timeout = String(expected).includes('TIMEOUT') ? '1500ms' : '30s'
    t.match(await codeOf(runCode(sandbox, code, { timeout })), expected, code)
    t.match(await runCode(sandbox, 'return { a: 1 }'), { items: [{ json: { a: 1 } }] }, 'and the next run is whole')
  }
})

t.test('one organization does not keep another waiting', async t => {
  const sandbox = openSandbox({ processes: 2 })
  t.teardown(async () => { await sandbox.close() })
  const hog = new AbortController()
  const stuck = Array.from({ length: 20 }, () => codeOf(runCode(sandbox, FOREVER, { timeout: '5m', organization: 'hog', signal: hog.signal })))
  t.match(await runCode(sandbox, 'return { a: 1 }', { organization: 'other' }), { items: [{ json: { a: 1 } }] })
  t.ok(sandbox.processes <= 2)
  hog.abort(new Error('enough'))
  t.same(new Set(await Promise.all(stuck)), new Set(['enough']))
})

t.test('who runs long yields, and takes no process that others are used to', { skip: ON_LINUX ? false : 'looks into /proc' }, async t => {
  const sandbox = openSandbox({ processes: 2 })
  t.teardown(async () => { await sandbox.close() })
  const neighbour = async (): Promise<unknown> => await codeOf(runCode(sandbox, 'return {}', { organization: 'neighbour' }))
  await neighbour()
  const [own] = childrenOf(process.pid) as [number]
  const endless = new AbortController()
  const running = codeOf(runCode(sandbox, FOREVER, { timeout: '5m', organization: 'hostile', signal: endless.signal }))
  await until(() => childrenOf(process.pid).some(pid => pid !== own && niceOf(pid) > niceOf(own)))
  endless.abort(new Error('enough'))
  t.equal(await running, 'enough')
  for (let attack = 0; attack < 3; attack++) {
    t.equal(await codeOf(runCode(sandbox, FOREVER, { timeout: '50ms', organization: 'hostile' })), 'WC_CODE_TIMEOUT')
    t.equal(await neighbour(), 'succeeded')
    t.ok(childrenOf(process.pid).includes(own), 'the neighbour keeps its process')
  }
})

t.test('a process that ran long serves nobody else', { skip: ON_LINUX ? false : 'looks into /proc' }, async t => {
  const sandbox = openSandbox({ processes: 1 })
  t.teardown(async () => { await sandbox.close() })
  const [first, second] = [async () => await codeOf(runCode(sandbox, 'return {}', { organization: 'first' })), async () => await codeOf(runCode(sandbox, 'return {}', { organization: 'second' }))]
  await first()
  const [before] = childrenOf(process.pid) as [number]
  const nice = niceOf(before)
  const long = codeOf(runCode(sandbox, 'const end = Date.now() + 3000; while (Date.now() < end); return {}', { organization: 'first', timeout: '5m' }))
  await until(() => niceOf(before) > nice)
  t.equal(await long, 'succeeded')
  await first()
  t.same(childrenOf(process.pid), [before], 'its own organization still has it')
  t.equal(await second(), 'succeeded')
  t.equal(sandbox.processes, 1)
  t.notOk(childrenOf(process.pid).filter(isAlive).includes(before))
})

t.test('a process that dies fails its step only', { skip: ON_LINUX ? false : 'looks into /proc' }, async t => {
  const sandbox = openSandbox()
  t.teardown(async () => { await sandbox.close() })
  const running = codeOf(runCode(sandbox, FOREVER, { timeout: '5m' }))
  await until(() => childrenOf(process.pid).length > 0)
  let over = false
  void running.then(() => { over = true })
  // Killed once, a run begins again in another process.
  while (!over) {
    for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  t.equal(await running, 'WC_CODE_CRASHED')
  t.match(await runCode(sandbox, 'return { a: 1 }'), { items: [{ json: { a: 1 } }] })
})

t.test('idle processes end, and close leaves none', { skip: ON_LINUX ? false : 'looks into /proc' }, async t => {
  const sandbox = openSandbox({ idleTime: 50 })
  await runCode(sandbox, 'return {}')
  await until(() => sandbox.processes === 0)
  const running = codeOf(runCode(sandbox, FOREVER, { timeout: '5m' }))
  await until(() => childrenOf(process.pid).length > 0)
  await sandbox.close()
  t.match(await running, /^WC_CODE_/)
  t.same(childrenOf(process.pid), [])
  t.equal(await codeOf(runCode(sandbox, 'return {}')), 'WC_CODE_BUSY')
})

t.test('processes end with their parent, even where code keeps them busy', { skip: ON_LINUX ? false : 'looks into /proc' }, async t => {
  const owner = spawn(process.execPath, ['--import', new URL('../../scripts/typescript/register.js', import.meta.url).href, fileURLToPath(new URL('../fixtures/sandbox-owner.ts', import.meta.url))], {
    // Without what tap puts there.
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => { owner.kill('SIGKILL') })
  await once(owner.stdout, 'data')
  const children = childrenOf(owner.pid!)
  t.ok(children.length > 0)
  owner.kill('SIGKILL')
  await until(() => !children.some(isAlive))
  t.pass('all are gone')
})

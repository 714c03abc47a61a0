import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { DataDirectoryLocked, lockDataDirectory } from '../../src/db/embedded/data-lock.ts'

const fixture = fileURLToPath(new URL('../fixtures/lock-owner.ts', import.meta.url))

t.setTimeout(120_000)

interface Contender { process: ChildProcess, attempt: () => Promise<string> }

async function contender (t: Test, dataDir: string): Promise<Contender> {
  const child = spawn(process.execPath, [...process.execArgv, fixture, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => String((await lines.next()).value)
  t.equal(await next(), 'standing by')
  return {
    process: child,
    async attempt () {
      child.stdin.write('go\n')
      return await next()
    }
  }
}

async function kill (child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

t.test('a lock that was released can be taken again, any number of times', async t => {
  const dataDir = t.testdir()
  for (let round = 0; round < 3; round++) {
    const lock = await lockDataDirectory(dataDir)
    await t.rejects(lockDataDirectory(dataDir), { code: 'WC_DATA_DIRECTORY_LOCKED' })
    await lock.release()
    await lock.release()
  }
  t.equal(readdirSync(join(dataDir, 'lock')).length, 1, 'what earlier owners left is cleaned away')
})

t.test('the refusal names the directory, the process and the way out', async t => {
  const dataDir = t.testdir()
  const lock = await lockDataDirectory(dataDir)
  t.teardown(async () => await lock.release())
  await t.rejects(lockDataDirectory(dataDir), {
    code: 'WC_DATA_DIRECTORY_LOCKED',
    message: `The data directory ${dataDir} is in use by process ${process.pid}: stop it, or set WECONNECT_DATA_DIR to another directory`
  })
})

t.test('a directory whose path is too long for a socket is locked all the same', async t => {
  const dataDir = join(t.testdir(), 'x'.repeat(120))
  mkdirSync(dataDir)
  const lock = await lockDataDirectory(dataDir)
  t.teardown(async () => await lock.release())
  await t.rejects(lockDataDirectory(dataDir), { code: 'WC_DATA_DIRECTORY_LOCKED' })
})

t.test('a stopped process keeps its lock, a killed one loses it', async t => {
  const dataDir = t.testdir()
  const owner = await contender(t, dataDir)
  t.equal(await owner.attempt(), 'locked')
  owner.process.kill('SIGSTOP')
  await t.rejects(lockDataDirectory(dataDir), { message: `process ${owner.process.pid}` })
  await kill(owner.process)
  const lock = await lockDataDirectory(dataDir)
  await lock.release()
})

t.test('a claim that names a living process which does not listen is dead', async t => {
  const dataDir = t.testdir()
  mkdirSync(join(dataDir, 'lock'))
  writeFileSync(join(dataDir, 'lock', '7'), JSON.stringify({ pid: process.ppid, socket: 'gone.sock' }))
  const lock = await lockDataDirectory(dataDir)
  await lock.release()
})

t.test('a claim that a crash of the machine left empty is dead', async t => {
  const dataDir = t.testdir()
  mkdirSync(join(dataDir, 'lock'))
  writeFileSync(join(dataDir, 'lock', '1'), '')
  const lock = await lockDataDirectory(dataDir)
  await lock.release()
})

t.test('of several that start at the same instant after a crash exactly one wins', async t => {
  const dataDir = t.testdir()
  let contenders = await Promise.all(Array.from({ length: 4 }, async () => await contender(t, dataDir)))
  while (contenders.length > 1) {
    const answers = await Promise.all(contenders.map(async each => await each.attempt()))
    const winners = contenders.filter((_, index) => answers[index] === 'locked')
    t.equal(winners.length, 1, answers.join(' | '))
    t.equal(answers.filter(answer => answer.startsWith('refused The data directory')).length, contenders.length - 1)
    for (const winner of winners) await kill(winner.process)
    contenders = contenders.filter(each => !winners.includes(each))
  }
})

t.test('of many attempts in one process exactly one wins', async t => {
  const dataDir = t.testdir()
  const attempts = await Promise.allSettled(Array.from({ length: 30 }, async () => await lockDataDirectory(dataDir)))
  const locks = attempts.flatMap(each => each.status === 'fulfilled' ? [each.value] : [])
  t.equal(locks.length, 1)
  t.ok(attempts.every(each => each.status === 'fulfilled' || each.reason instanceof DataDirectoryLocked))
  for (const lock of locks) await lock.release()
})

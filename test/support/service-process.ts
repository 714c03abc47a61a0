import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** What a test must offer: a place to close things, and whether to show what the processes said. */
export interface ServiceTest {
  teardown (close: () => unknown): unknown
  comment (...text: unknown[]): void
  passing (): boolean
}

/** A process of the service, as it runs in production. */
export interface ServiceProcess {
  readonly pid: number
  /** Everything it wrote. */
  readonly output: string
  readonly isAlive: boolean
  readonly exit: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
  /** Resolves once its output holds the text. */
  says (text: string, limit?: number): Promise<void>
  /** kill -9 */
  kill (): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop (): Promise<number | null>
  suspend (): void
  resume (): void
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TAIL = 6000
const STOP_LIMIT = 30_000

export const entrypoints = {
  all: ['dist/main.js'],
  api: ['dist/server.js'],
  worker: ['dist/worker.js']
} as const

/** Starts node with these arguments, in the root of the project, with this environment, the NODE_OPTIONS of all tests, and no other. It is killed with the test. */
export function startProcess (t: ServiceTest, name: string, args: readonly string[], env: NodeJS.ProcessEnv): ServiceProcess {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_OPTIONS: process.env['NODE_OPTIONS'], NODE_ENV: 'production', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`Could not start ${name}`)
  let output = ''
  const heard = (data: Buffer): void => { output += data.toString() }
  child.stdout.on('data', heard)
  child.stderr.on('data', heard)
  const exit = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }))
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null

  async function kill (): Promise<void> {
    child.kill('SIGKILL')
    await exit
  }

  // A test that runs out of time may have started it behind its teardowns.
  const atExit = (): void => { child.kill('SIGKILL') }
  process.once('exit', atExit)
  child.once('exit', () => { process.off('exit', atExit) })
  t.teardown(async () => {
    await kill()
    if (!t.passing()) t.comment(`${name} (${pid}) wrote:\n${output.slice(-TAIL)}`)
  })
  return {
    pid,
    get output () { return output },
    get isAlive () { return isAlive() },
    exit,
    says: async (text, limit = 60_000) => { await until(`${name} says ${text}`, () => output.includes(text) || stoppedBefore(child, name, output), limit) },
    kill,
    async stop () {
      child.kill('SIGTERM')
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT)
      const { code } = await exit
      clearTimeout(hard)
      return code
    },
    suspend () { child.kill('SIGSTOP') },
    resume () { child.kill('SIGCONT') }
  }
}

function stoppedBefore (child: ChildProcess, name: string, output: string): false {
  if (child.exitCode === null && child.signalCode === null) return false
  throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}:\n${output.slice(-TAIL)}`)
}

/** Asks again and again while the answer is false or undefined; fails by name. */
export async function until<T> (what: string, ask: () => T | Promise<T>, limit = 60_000, pause = 50): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + limit
  for (;;) {
    const answer = await ask()
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>
    if (Date.now() > deadline) throw new Error(`Within ${limit} ms it did not come true: ${what}`)
    await new Promise(resolve => setTimeout(resolve, pause))
  }
}

export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

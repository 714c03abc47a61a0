import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Running {
  readonly pid: number
  /** Bytes */
  memory (): Promise<number>
  /** Seconds of CPU, user and system */
  cpu (): Promise<number>
  stop (): Promise<void>
}

const BASE: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production', LOG_LEVEL: 'warn' }
const CLOCK_TICKS = 100
/** More for Node, for profiles of the product, such as `--cpu-prof`. */
const PRODUCT_ARGUMENTS = (process.env['BENCH_NODE_ARGUMENTS'] ?? '').split(' ').filter(argument => argument !== '')

/** Starts what `npm run <script>` would, without npm in between, so that what is measured is what users start. */
export async function startScript (script: string, env: NodeJS.ProcessEnv): Promise<Running> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const [, ...words] = (scripts[script] ?? '').split(' ')
  return start(join(ROOT, words.pop() ?? ''), env, [...words, ...PRODUCT_ARGUMENTS])
}

/** Starts a Node process of the project with an environment of its own. */
export function start (file: string, env: NodeJS.ProcessEnv, nodeArguments = PRODUCT_ARGUMENTS): Running {
  const child = spawn(process.execPath, [...nodeArguments, file], { cwd: ROOT, env: { ...BASE, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  const { pid } = child
  if (pid === undefined) throw new Error(`Could not start ${file}`)
  return {
    pid,
    memory: async () => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    cpu: async () => await cpuOf(pid),
    stop: async () => { await ended(child) }
  }
}

/** Seconds of CPU that a process of this machine has taken, user and system. */
export async function cpuOf (pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS
}

async function ended (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>(resolve => {
    const hard = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.once('exit', () => {
      clearTimeout(hard)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

export async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Resolves once the address answers; with the milliseconds that took. */
export async function answers (url: string, limit = 60_000): Promise<number> {
  const began = performance.now()
  while (performance.now() - began < limit) {
    try {
      const response = await fetch(url)
      await response.arrayBuffer()
      if (response.ok) return performance.now() - began
    } catch {}
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`${url} did not answer within ${limit} ms`)
}

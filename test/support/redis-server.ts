import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import type { RedisAddress } from '../../src/queue/redis.ts'

export interface RedisServer {
  readonly address: RedisAddress
  /** Lets it hang: connections stay, answers do not come. */
  suspend (): void
  resume (): void
  kill (): Promise<void>
  /** On the same port, with nothing in it. */
  start (): Promise<void>
  /** One command on a connection of its own. */
  command (name: string, ...args: string[]): Promise<unknown>
}

const sharedUrl = new URL(process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379')

/** The Redis that tests share, at TEST_REDIS_URL. Keep to a prefix of your own. */
export const sharedRedis: RedisAddress = { host: sharedUrl.hostname, port: Number(sharedUrl.port === '' ? 6379 : sharedUrl.port), database: 0, tls: false }

/** Why tests that need Redis, or the program redis-server, are left out. */
export const noRedis: string | false = process.env['TEST_REDIS_URL'] === undefined && 'needs Redis: set TEST_REDIS_URL'

/** A Redis server of one's own on a free port, to flush, suspend and kill. Nothing is written to the disk. */
export async function startRedis (t: { teardown (act: () => unknown): void }): Promise<RedisServer> {
  const port = await freePort()
  let server: ChildProcess | undefined

  async function start (): Promise<void> {
    server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
    const failed = once(server, 'error').then(([error]) => { throw error as Error })
    const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: null })
    client.on('error', () => {})
    await Promise.race([client.ping(), failed]).finally(() => { client.disconnect() })
  }

  async function kill (): Promise<void> {
    if (server === undefined) return
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
    server = undefined
  }

  t.teardown(kill)
  await start()
  return {
    address: { host: '127.0.0.1', port, database: 0, tls: false },
    suspend () { server?.kill('SIGSTOP') },
    resume () { server?.kill('SIGCONT') },
    kill,
    start,
    async command (name, ...args) {
      const client = new Redis({ host: '127.0.0.1', port })
      try {
        return await client.call(name, ...args)
      } finally {
        client.disconnect()
      }
    }
  }
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A prefix in the shared Redis whose keys are deleted when the test ends. */
export function ownPrefix (t: { teardown (act: () => unknown): void }): string {
  const prefix = `test-${process.pid}-${Math.random().toString(36).slice(2)}`
  t.teardown(async () => {
    const client = new Redis(sharedRedis.port, sharedRedis.host)
    for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await client.del(...keys)
    }
    client.disconnect()
  })
  return prefix
}

import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { WebSocket } from 'ws'
import { buildApp } from '../../src/app.ts'
import { createLog } from '../../src/log.ts'
import { createLocalBuckets } from '../../src/lib/token-bucket.ts'
import { websocket } from '../../src/plugins/websocket.ts'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { executionEventRoutes } from '../../src/routes/execution-events.ts'
import { tailRoutes, tailTicketRoutes } from '../../src/routes/tail.ts'
import { createMetrics } from '../../src/services/metrics.ts'
import { createQuotas } from '../../src/services/quotas/quotas.ts'
import { createTailHub } from '../../src/services/tail/index.ts'
import { testDatabase, type Teardown } from '../support/database.ts'
import { testIdentity, testKeyring } from '../support/identity.ts'
import { register, TEST_JWT_SECRET } from '../support/app.ts'
import { nextId, silentLog } from '../services/tail/history.ts'

/** The application with its tail on a real port, and an organization with a workflow. */
export async function tailApp (t: Teardown) {
  const hints = new LocalHintBus()
  const metrics = createMetrics()
  const database = await testDatabase(t)
  const sql = database.service
  const tail = createTailHub({ sql, hints, now: Date.now, log: silentLog, metrics })
  const logged: string[] = []
  const refreshLifetime = 86_400_000
  const app = await buildApp({
    config: {
      server: { port: 0, host: '127.0.0.1', publicUrl: null, trustProxy: false, maxBodySize: 16_777_216, maxBatchSize: 67_108_864, rateLimit: 0, corsOrigins: [], securityContact: null, hookRateLimit: 0 },
      auth: { accessLifetime: 900_000, refreshLifetime }
    },
    secrets: { jwtSecret: TEST_JWT_SECRET, previousJwtSecrets: [] },
    keyring: testKeyring,
    log: createLog('info', { write: line => { logged.push(line) } }),
    database,
    clock: Date.now,
    nextId,
    identity: testIdentity(database, { clock: Date.now, nextId, refreshLifetime }),
    redis: null,
    quotas: createQuotas({ sql, now: Date.now, log: silentLog }),
    buckets: createLocalBuckets(),
    registry: new Registry(),
    readiness: {},
    publicRoutes: [{
      prefix: '/v1/tail',
      async routes (scope) {
        if (!scope.hasDecorator('websocketServer')) await scope.register(websocket)
        await scope.register(tailRoutes, { tail })
      }
    }],
    tenantRoutes: [
      { prefix: '/executions', routes: async scope => { await scope.register(executionEventRoutes, { tail }) } },
      { prefix: '/tail', routes: async scope => { await scope.register(tailTicketRoutes, { tail }) } }
    ]
  })
  t.teardown(async () => {
    await app.close()
    tail.close()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const person = await register(app)
  return { app, port, url: `ws://127.0.0.1:${port}/v1/tail`, logged, sql, hints, metrics, tail, ...person, workflowId: await workflowOf(person.organizationId) }

  async function workflowOf (organizationId: string): Promise<string> {
    const id = nextId()
    await sql`insert into workflows (id, organization_id, name, version) values (${id}, ${organizationId}, 'W', 1)`
    return id
  }
}

/** A client that keeps all frames. */
export class Client {
  readonly frames: any[] = []
  readonly socket: WebSocket
  closed: { code: number, reason: string } | undefined

  constructor (url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers })
    this.socket.on('message', data => { this.frames.push(JSON.parse(String(data))) })
    this.socket.on('close', (code, reason) => { this.closed = { code, reason: String(reason) } })
    this.socket.on('error', () => {})
  }

  send (frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  async opened (): Promise<this> {
    await new Promise((resolve, reject) => { this.socket.once('open', resolve); this.socket.once('error', reject) })
    return this
  }

  of (id: string): any[] {
    return this.frames.filter(frame => frame.id === id && frame.type === 'event')
  }

  async until (condition: (client: this) => boolean, milliseconds = 60_000): Promise<void> {
    const deadline = Date.now() + milliseconds
    while (!condition(this)) {
      if (Date.now() > deadline) throw new Error(`waited in vain: ${condition.toString()}, last frames ${JSON.stringify(this.frames.slice(-3))}, closed ${JSON.stringify(this.closed)}`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
}

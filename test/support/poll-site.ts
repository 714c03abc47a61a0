import { pino } from 'pino'
import type { Test } from 'tap'
import { savePolls } from '../../src/db/queries/polls.ts'
import type { WorkflowNode } from '../../src/engine/definition.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import { createDispatcher } from '../../src/services/dispatcher.ts'
import { createPlans } from '../../src/services/plans.ts'
import { createQuotas } from '../../src/services/quotas/quotas.ts'
import { createPoller, type Poller, type PollerOptions } from '../../src/services/polls/poller.ts'
import { pollsOf } from '../../src/services/workflows/polls-of.ts'
import { createFilesOn, createSite, createWorker } from './durable-path.ts'
import { startServer } from './http-server.ts'

/** What the credential of every poll holds. */
export const SECRET = 'the-token-that-nobody-may-see'

export interface FarAnswer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: unknown
}

export interface StateRow { cursor: unknown, begun: boolean, failures: number, last_error: { code: string, message: string } | null, lease: string | null, wait: number, last_items: number | null, last_execution_id: string | null }
export interface StartedRow { id: string, trigger: string, payload: { items: Array<{ id: number }>, pollId: string, polledAt: string } }

/** A database, a worker, a far side that answers as a test says, and processes that poll it. */
export async function pollSite (t: Test) {
  const site = await createSite(t)
  const { sql, organizationId } = site
  const worker = createWorker(t, site)
  const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' })
  /** By path. */
  const answers = new Map<string, (url: URL) => FarAnswer | Promise<FarAnswer>>()
  const server = await startServer((request, response) => {
    const url = new URL(request.url ?? '/', server.url)
    void Promise.resolve(answers.get(url.pathname)!(url)).then(({ status = 200, headers = {}, body }) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    })
  })
  t.teardown(server.close)
  const outgoing = createGuardedFetch({ allow: ['127.0.0.0/8'], userAgent: 'test' })
  t.teardown(outgoing.close)

  async function hurry (id: string): Promise<void> {
    await sql`update polls set next_at = now() - interval '1 second' where id = ${id}`
  }

  async function startedBy (workflowId: string): Promise<StartedRow[]> {
    return [...await sql<StartedRow[]>`select id, trigger, payload from executions where workflow_id = ${workflowId} order by id`]
  }

  return {
    site,
    worker,
    answers,
    server,
    hurry,
    startedBy,
    poller (more: Partial<PollerOptions> = {}): Poller {
      const one = createPoller({
        quotas: createQuotas({ sql, now: Date.now, log }),
        sql,
        plans: createPlans(sql, new NodeRegistry(builtinNodes)),
        values: createFilesOn(site).values,
        dispatcher: createDispatcher(worker.queue, log),
        fetch: async request => await outgoing.fetch(request),
        credentials: { open: async (_organization, id) => ({ credential: { id, type: 'bearer', data: { token: SECRET }, allowedHosts: null }, secrets: [SECRET] }) },
        metrics: worker.metrics,
        log,
        now: Date.now,
        nextId: site.nextId,
        leaseSeconds: 30,
        onAnnounced () {},
        ...more
      })
      t.teardown(async () => { await one.close(0) })
      return one
    },
    /** A published workflow that polls the server at that path; its first poll is due. */
    async published (path: string, parameters: Record<string, unknown>, { owner = organizationId, trigger: given = {}, next = { id: 'a', type: 'noOp' } }: { owner?: string, trigger?: Partial<WorkflowNode>, next?: WorkflowNode } = {}): Promise<{ id: string, workflowId: string }> {
      const trigger = { id: 'start', type: 'poll', ...given, parameters: { every: '1h', url: `${server.url}${path}`, ...parameters } }
      const workflowId = await site.workflow([next], [`${trigger.id} -> ${next.id}`], { trigger, organizationId: owner })
      const content = pollsOf({ nodes: [trigger], connections: [], settings: {} }, site.nextId, Date.now())
      await site.database.tenant(owner).run(async tx => { await savePolls(tx, owner, workflowId, 1, content, Date.now()) })
      await hurry(content[0]!.id)
      return { id: content[0]!.id, workflowId }
    },
    async again (id: string, one: Poller): Promise<void> {
      await hurry(id)
      await one.poll()
    },
    async stateOf (id: string): Promise<StateRow> {
      const [row] = await sql<StateRow[]>`select cursor, begun, failures, last_error, lease, extract(epoch from next_at - now())::float8 as wait, last_items, last_execution_id from polls where id = ${id}`
      return row!
    },
    async itemsOf (workflowId: string): Promise<number[]> {
      return (await startedBy(workflowId)).flatMap(({ payload }) => payload.items.map(({ id }) => id))
    }
  }
}

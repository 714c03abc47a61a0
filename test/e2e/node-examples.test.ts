import t, { type Test } from 'tap'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnectors } from '../../src/connectors/index.ts'
import type { WorkflowNode, WorkflowSettings } from '../../src/engine/definition.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { compilePlan } from '../../src/engine/plan.ts'
import { foldSteps } from '../../src/engine/steps.ts'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import { createAnswers } from '../../src/services/answers.ts'
import type { NewCredential } from '../../src/services/credentials/check.ts'
import { openSandbox } from '../support/code-runs.ts'
import { createSite, createWorker, eventsOf, untilEnded } from '../support/durable-path.ts'
import { exampleServers } from '../support/example-servers.ts'
import { startServer } from '../support/http-server.ts'
import { keptCredentials } from '../support/kept-credentials.ts'

/** The example of `poll` begins with a request of the trigger: `poller.test.ts` sends it. */
const ELSEWHERE = new Set(['poll'])
/** In an example: the credential of its page, or what the examples of `map` and `subWorkflow` run. */
const REFERENCE = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'
/** In the output of a page: any value. */
const ANY = '…'

interface Example {
  readonly nodes: readonly WorkflowNode[]
  readonly connections: readonly { from: string, output?: string, to: string, input?: string }[]
  readonly settings: WorkflowSettings
}

const page = async (type: string): Promise<string> => await readFile(new URL(`../../docs/nodes/${type}.md`, import.meta.url), 'utf8')

/** The JSON of a block with this label, and what the label says behind it. */
function block<T> (text: string, label: string): { value: T, of: string | undefined } | undefined {
  const [, of, found] = new RegExp('^```' + label + '(?: of (\\w+))?\\n(.*?)^```', 'ms').exec(text) ?? []
  return found === undefined ? undefined : { value: JSON.parse(found) as T, of }
}

/** What stands behind this label, as it is. */
const lines = (text: string, label: string): string => new RegExp('^```' + label + '\\n(.*?)^```', 'ms').exec(text)?.[1] ?? ''

/** The page's value, with what was got in place of `ANY`. */
function filled (told: unknown, got: unknown): unknown {
  if (told === ANY && got !== undefined) return got
  if (Array.isArray(told)) return told.map((one: unknown, index) => filled(one, (got as unknown[] | undefined)?.[index]))
  if (typeof told !== 'object' || told === null) return told
  return Object.fromEntries(Object.entries(told).map(([name, one]) => [name, filled(one, (got as Record<string, unknown> | undefined)?.[name])]))
}

t.test('the example of each page', async t => {
  const site = await createSite(t)
  const { sql } = site
  const filesRoot = await mkdtemp(join(tmpdir(), 'weconnect-examples-'))
  const sandbox = openSandbox()
  const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })

  // The far side of all examples: who is asked for an answer by a link gives it, before it answers itself.
  const far = await startServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) }).on('end', () => {
      void answerLinks(Buffer.concat(chunks).toString()).then(() => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(request.url === '/graphql' ? { data: { customer: { name: 'Ada Lovelace', tier: 'gold' } } } : { received: true }))
      })
    })
  })
  const connect = createConnectors({ allow: ['127.0.0.1/32', '::1/128'] })
  const credentials = keptCredentials(t, site)
  const worker = createWorker(t, site, {
    sandbox,
    filesRoot,
    connect,
    credentials: credentials.source,
    async fetch (request) {
      const { hostname, pathname } = new URL(request.url)
      return await guarded.fetch(hostname.endsWith('example.com') ? { ...request, url: far.url + pathname } : request)
    }
  })
  t.teardown(async () => {
    await connect.close()
    await sandbox.close()
    await guarded.close()
    await far.close()
    await rm(filesRoot, { recursive: true, force: true })
  })
  const answers = createAnswers({ sql, links: worker.links, hints: worker.hints, now: Date.now })
  worker.hints.onControl(hint => { if (hint.type === 'due') worker.runner.wake(hint) })

  async function answerLinks (text: string): Promise<void> {
    const json = { 'content-type': 'application/json' }
    const [, resume] = /\/v1\/resume\/([\w-]+)/.exec(text) ?? []
    if (resume !== undefined) await answers.resume(resume, { method: 'POST', queryText: '', headers: json, body: Buffer.from('{"paid":true}'), limit: 1000 })
    const [, approve] = /\/v1\/approvals\/([\w-]+)/.exec(text) ?? []
    if (approve !== undefined) await answers.decide(approve, Buffer.from('{}'), 'application/json')
  }

  const insert = async ({ nodes, connections, settings }: Example): Promise<string> => await site.workflow(
    nodes.slice(1),
    connections.map(({ from, output, to, input }) => `${from}${output === undefined ? '' : `.${output}`} -> ${to}${input === undefined ? '' : `.${input}`}`),
    { trigger: nodes[0]!, settings }
  )
  /** The page's credential is created for the server of this machine. */
  async function credentialFor (t: Test, type: string, text: string): Promise<string> {
    const { value } = block<NewCredential>(text, 'json credential')!
    const data = { ...value.data, ...await exampleServers[type]!.start(t, site, lines(text, 'sql')) }
    return await credentials.create({ ...value, data: Object.fromEntries(Object.entries(data).filter(([, part]) => part !== undefined)) })
  }

  const child = await insert(block<Example>(await page('subWorkflowTrigger'), 'json')!.value)
  const registry = new NodeRegistry(builtinNodes)

  for (const { type } of builtinNodes.filter(({ type }) => !ELSEWHERE.has(type))) {
    await t.test(`of ${type} gives what its page says`, { skip: exampleServers[type]?.skip ?? false }, async t => {
      const written = await page(type)
      const text = written.replaceAll(REFERENCE, type in exampleServers ? await credentialFor(t, type, written) : child)
      const example = block<Example>(text, 'json')!.value
      const input = block<Record<string, unknown>>(text, 'json input')!.value
      const trigger = example.nodes[0]!.id
      const workflowId = await insert(example)
      const execution = site.execution(workflowId, { nodeId: trigger, payload: JSON.stringify(input) })
      await worker.acceptance.accept(execution)
      const status = await untilEnded(site, execution.id, [worker])
      const { nodes, connections, settings } = example
      const plan = compilePlan({ workflowId, version: 1, name: 'Test', definition: { nodes: [...nodes], connections: [...connections], settings } }, registry)
      const { steps, state } = foldSteps(plan, trigger, input, await eventsOf(site, execution.id))

      const error = block(text, 'json error')
      t.equal(status, error === undefined ? 'succeeded' : 'failed', JSON.stringify(state.error))
      if (error !== undefined) t.strictSame(state.error, filled(error.value, state.error))
      const output = block(text, 'json output') ?? { value: {}, of: undefined }
      const shown = output.of ?? nodes.find(node => node.type === type)!.id
      const outputs = Object.entries(steps.find(({ nodeId }) => nodeId === shown)?.outputs ?? {})
      const got = JSON.parse(JSON.stringify(Object.fromEntries(outputs.map(([name, items]) => [name, items.map(({ json }) => json)])))) as unknown
      t.strictSame(got, filled(output.value, got))
      const answer = block(text, 'json answer')
      if (answer !== undefined) t.strictSame(state.answer, answer.value)
    })
  }
})

import t from 'tap'
import { readFile } from 'node:fs/promises'
import type { WorkflowNode } from '../../src/engine/definition.ts'
import { foldSteps } from '../../src/engine/steps.ts'
import { dataNodes } from '../../src/engine/nodes/data/index.ts'
import { fileNodes } from '../../src/engine/nodes/files/index.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { compilePlan } from '../../src/engine/plan.ts'
import { createSite, createWorker, eventsOf, statusOf, until } from '../support/durable-path.ts'

const site = await createSite(t)
const { acceptance } = createWorker(t, site)
const registry = new NodeRegistry(builtinNodes)

interface Workflow {
  readonly nodes: WorkflowNode[]
  readonly connections: readonly { from: string, output?: string, to: string, input?: string }[]
}

function block<T> (page: string, label: string): T {
  const found = new RegExp('```' + label + '\\n(.*?)```', 's').exec(page)?.[1]
  if (found === undefined) throw new Error(`There is no block ${label}`)
  return JSON.parse(found) as T
}

for (const { type } of [...dataNodes, ...fileNodes.filter(({ category }) => category === 'data')]) {
  t.test(`the example of ${type}, run for real, gives what its page says`, async t => {
    const page = await readFile(new URL(`../../docs/nodes/${type}.md`, import.meta.url), 'utf8')
    const { nodes, connections } = block<Workflow>(page, 'json')
    const input = block<Record<string, unknown>>(page, 'json input')
    const workflowId = await site.workflow(
      nodes.filter(({ id }) => id !== 'start'),
      connections.map(({ from, output, to, input }) => `${from}${output === undefined ? '' : `.${output}`} -> ${to}${input === undefined ? '' : `.${input}`}`)
    )
    const execution = site.execution(workflowId, { payload: JSON.stringify(input) })
    await acceptance.accept(execution)
    const status = await until('the execution ends', async () => await statusOf(site, execution.id))
    const plan = compilePlan({ workflowId, version: 1, name: 'Test', definition: { nodes, connections: [...connections], settings: {} } }, registry)
    const { steps, state } = foldSteps(plan, 'start', input, await eventsOf(site, execution.id))
    t.equal(status, 'succeeded', JSON.stringify(state.error))
    const outputs = steps.find(({ nodeId }) => nodes.some(node => node.id === nodeId && node.type === type))?.outputs ?? {}
    t.strictSame(
      Object.fromEntries(Object.entries(outputs).map(([name, items]) => [name, items.map(({ json }) => json)])),
      block(page, 'json output')
    )
  })
}

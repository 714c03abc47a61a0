import t from 'tap'
import { readFile } from 'node:fs/promises'
import { Ajv } from 'ajv'
import { builtinNodes } from '../../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../../src/engine/nodes/registry.ts'

interface Example {
  readonly nodes: readonly { id: string, type: string, parameters: Record<string, unknown> }[]
  readonly connections: readonly { from: string, to: string, output?: string, input?: string }[]
}

const registry = new NodeRegistry(builtinNodes)
const ajv = new Ajv({ strict: false, logger: false })

for (const { type, parameters } of builtinNodes) {
  t.test(`the page of ${type} tells its parameters and shows an example that is valid`, async t => {
    const page = await readFile(new URL(`../../../docs/nodes/${type}.md`, import.meta.url), 'utf8')
    const documented = [...page.matchAll(/^\| `(\w+)`( \(required\))? \|[^|]*\| *(?:`([^|]*)`)?[^|`]*\|[^|]*\|$/gm)].map(([, name, required, byDefault]) => [name, required !== undefined, byDefault])
    const { properties, required = [] } = parameters as { properties: Record<string, { default?: unknown }>, required?: string[] }
    t.same(documented, Object.entries(properties).map(([name, { default: value }]) => [name, required.includes(name), typeof value === 'string' ? value : JSON.stringify(value)]))

    const { nodes, connections } = JSON.parse(/```json\n(.*?)```/s.exec(page)?.[1] ?? '') as Example
    t.ok(nodes.some(node => node.type === type))
    for (const node of nodes) {
      const nodeType = registry.get(node.type)
      t.ok(ajv.validate(nodeType?.parameters ?? false, node.parameters), `${node.id}: ${ajv.errorsText()}`)
      t.same(nodeType?.check?.(node.parameters) ?? [], [])
    }
    const find = (id: string) => nodes.find(node => node.id === id)
    for (const { from, to, output, input } of connections) {
      const [source, target] = [find(from), find(to)]
      if (output !== undefined) t.ok(registry.get(source?.type ?? '')?.outputs(source?.parameters ?? {}).includes(output), `${from} has the output ${output}`)
      if (input !== undefined) t.ok(registry.get(target?.type ?? '')?.inputs(target?.parameters ?? {}).includes(input), `${to} has the input ${input}`)
      t.ok(source !== undefined && target !== undefined)
    }
  })
}

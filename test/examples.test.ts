import t from 'tap'
import { readFile, readdir } from 'node:fs/promises'
import { builtinNodes } from '../src/engine/nodes/index.ts'
import { NodeRegistry } from '../src/engine/nodes/registry.ts'
import { validateDefinition, validateShape } from '../src/engine/validate.ts'
import { WorkflowExport, type ExportedWorkflow } from '../src/engine/workflow-input.ts'

const folder = new URL('../examples/', import.meta.url)
const registry = new NodeRegistry(builtinNodes)
const files = (await readdir(folder)).filter(name => name.endsWith('.json'))

t.ok(files.length >= 4, `${files.length} examples`)

for (const file of files) {
  t.test(`examples/${file} can be imported and published, and its only warning is that its endpoint is open`, async t => {
    const example = JSON.parse(await readFile(new URL(file, folder), 'utf8')) as ExportedWorkflow
    t.same(validateShape(example, WorkflowExport), [])
    const { settings = {}, connections = [], nodes } = example.workflow
    const { errors, warnings } = validateDefinition({ nodes, connections, settings }, registry, { stage: 'publish' })
    t.same(errors, [])
    t.same(warnings.map(({ code }) => code).filter(code => code !== 'WC_WEBHOOK_OPEN'), [])
  })

  t.test(`the README says what examples/${file} is`, async t => {
    t.match(await readFile(new URL('../README.md', import.meta.url), 'utf8'), `(examples/${file})`)
  })
}

import t from 'tap'
import type { Item, OutputItem } from '../../../src/engine/item.ts'
import { builtinNodes } from '../../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../../src/engine/nodes/registry.ts'
import { stepContext } from '../../../src/engine/step-context.ts'
import { validateDefinition } from '../../../src/engine/validate.ts'
import { openSandbox } from '../../support/code-runs.ts'
import { node, planOf, Simulation, start } from '../../support/engine-simulator.ts'
import { noConnections, noFiles } from '../../support/node-context.ts'

const sandbox = openSandbox()
t.teardown(async () => { await sandbox.close() })

const list = [{ json: { n: 1 } }, { json: { n: 2 } }, { json: { n: 3 } }]

/** Runs the code node of a started execution for real; gives what it answered, and records it. */
async function runCodeNode (run: Simulation, id: string): Promise<readonly OutputItem[]> {
  const { node: step, run: number, attempt, inputs } = run.running.find(running => running.node.id === id)!
  const { signal } = new AbortController()
  const context = stepContext({ plan: run.plan, state: run.state, node: step, run: number, attempt, inputs }, { id: 'execution', rootId: 'root', trigger: 'manual' }, {
    signal,
    randomBytes: () => new Uint8Array(),
    claimKeys: async () => new Set<string>(),
    fetch: async () => { throw new Error('No network') },
    credential: async () => { throw new Error('No credentials') },
    files: noFiles,
    connect: noConnections,
    runCode: async job => await sandbox.run('organization', job, signal),
    now: () => run.now,
    log: () => {},
    subWorkflow: () => Promise.reject(new Error('No workflows')), answerUrl: () => ''
  })
  const result = await step.type.run(context)
  if ('suspend' in result) throw new Error(`${id} waits`)
  const { outputs } = result
  run.succeed(id, outputs)
  return outputs['main'] ?? []
}

function started (code: string, mode: string): Simulation {
  const plan = planOf([start, node('list'), node('swap'), node('work', { type: 'code', parameters: { code, mode } }), node('after', { type: 'set', parameters: { fields: { seen: "{{ $('list').item.json.n }}" } } })],
    ['start -> list', 'list -> swap', 'swap -> work', 'work -> after'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('list', { main: list })
  run.succeed('swap', { main: [{ from: 2, json: { other: 'c' } }, { from: 0, json: { other: 'a' } }] })
  return run
}

t.test("$('x').item is the item that each one was made from", async t => {
  const code = "return { n: $('list').item.json.n, other: $('list').itemMatching(1).json.n, all: $('list').all().length, none: $('list').itemMatching(7) === undefined }"
  t.same(await runCodeNode(started(code, 'each'), 'work'), [{ from: 0, json: { n: 3, other: 1, all: 3, none: true } }, { from: 1, json: { n: 1, other: 1, all: 3, none: true } }])
  t.same(await runCodeNode(started("return { n: $('list').item.json.n, second: $('list').itemMatching(1).json.n }", 'all'), 'work'), [{ json: { n: 3, second: 1 } }])
})

t.test('what comes after finds its way back through it', async t => {
  const run = started("return $input.all().reverse().map(item => ({ json: { was: item.json.other }, pairedItem: item.json.other === 'c' ? 0 : 1 }))", 'all')
  await runCodeNode(run, 'work')
  const parents = (item: Item): unknown => item.parents[0]?.parents[0]?.json
  const results = run.results('work')[0]!['main']!
  t.same(results.map(parents), [{ n: 1 }, { n: 3 }])
})

t.test('validation reads the code: its mistakes, the nodes it names, its size', async t => {
  const registry = new NodeRegistry(builtinNodes)
  const codes = (...sources: string[]) => validateDefinition({
    nodes: [{ id: 'in', type: 'manual', parameters: {} }, ...sources.map((code, index) => ({ id: `c${index}`, type: 'code', parameters: { code } })), { id: 'late', type: 'noOp', parameters: {} }],
    connections: [...sources.map((_, index) => ({ from: 'in', to: `c${index}` })), { from: 'in', to: 'late' }],
    settings: {}
  }, registry).errors.map(({ pointer, code, message }) => ({ pointer, code, message }))
  t.same(codes("const a = { b: {{}} }\nreturn $('in').first()").map(({ code }) => code), ['WC_CODE_SYNTAX'])
  t.same(codes("return `{{ ${$('in').first().json.a} }}`"), [], 'braces are no expression')
  t.match(codes("return $('imn').first()"), [{ pointer: '/nodes/1/parameters/code', code: 'WC_REFERENCE_UNKNOWN', message: /did you mean "in"/ }])
  t.match(codes("return $('late').first()"), [{ pointer: '/nodes/1/parameters/code', code: 'WC_REFERENCE_NOT_BEFORE' }])
  t.same(codes(...Array.from({ length: 9 }, () => `// ${'x'.repeat(120_000)}`)).map(({ code }) => code), ['WC_CODE_SIZE'])
})

import { fileURLToPath } from 'node:url'
import t from 'tap'
import { loadNodePackages, NodePackagesError } from '../../src/runtime/node-packages/load.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/node-packages/${name}`, import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../../examples/custom-node', import.meta.url))

async function problemsOf (patience: number | undefined, ...listed: string[]): Promise<readonly string[]> {
  try {
    await loadNodePackages(listed, patience)
    return []
  } catch (error) {
    if (!(error instanceof NodePackagesError)) throw error
    return error.problems
  }
}

t.test('packages give node types that carry their names', async t => {
  const [example, odd] = await loadNodePackages([EXAMPLE, fixture('odd')])
  t.match(example, { name: 'weconnect-nodes-example', version: '1.0.0', apiVersion: 1 })
  t.strictSame(example?.nodes.map(({ type }) => type), ['weconnect-nodes-example/slugify', 'weconnect-nodes-example/exchangeRate'])
  t.strictSame(odd?.nodes.map(({ type, package: origin }) => [type, origin?.name]), [['@test/odd-nodes/odd', '@test/odd-nodes']])
  t.strictSame(example?.nodes[1]?.outputs({}), ['known', 'unknown'])
  t.strictSame(await loadNodePackages([]), [])
})

t.test('a package whose top level never ends is named too', async t => {
  t.match(await problemsOf(50, fixture('endless')), [`${fixture('endless')}: could not be loaded within 50 ms: its top level waits`])
})

t.test('everything that is wrong is named at once', async t => {
  const broken = fixture('broken')
  const problems = await problemsOf(undefined, broken, 'no-such-package', fixture('nowhere'), fixture('odd'), fixture('odd'))
  for (const part of [
    `${broken}: nodes/0/type does not have the form`, 'nodes/0/title must not be empty', 'nodes/0/category must be', 'nodes/0/effects must be', 'nodes/0/surplus is not a known property',
    'nodes/0/run must be a function', 'nodes/0/outputs may not have "error"', 'nodes/0/parameters is no JSON Schema',
    'nodes/2/type is "twice", as nodes/1/type is', 'nodes/2/credentialRequired needs', 'nodes/2/parameters is no JSON Schema',
    'no-such-package: could not be loaded: Cannot find package', 'nowhere: could not be loaded', '@test/odd-nodes is listed twice'
  ]) t.ok(problems.some(problem => problem.includes(part)), `${part} in\n${problems.join('\n')}`)
})

import { readFile } from 'node:fs/promises'
import t from 'tap'
import { compileTemplate } from '../../../src/engine/expression/index.ts'
import { IDENTIFIER_SAMPLES, METHOD_SAMPLES } from '../../support/expression-usage-samples.ts'
import { makeScope } from '../../support/expression-scope.ts'

type Counted = readonly [name: string, count: number, percent: number]
interface Usage { identifiers: Counted[], methods: Counted[] }

/** What depends on the outside (models, the environment, secrets, pagination) and not on data. */
const IMPURE = new Set(['$fromAI', '$env', '$credentials', '$evaluateExpression', '$getWorkflowStaticData', '$response', '$request', '$pageCount',
  '$parameter', '$resumeWebhookUrl', '$connections', '$prevNode'].flatMap((name) => [name, `${name}()`]))

const usage = JSON.parse(await readFile(new URL('../../support/testdata/expression-usage.json', import.meta.url), 'utf8')) as Usage

function sampleWorks (sample: readonly [string, unknown] | undefined): boolean {
  if (sample === undefined) return false
  const [source, expected] = sample
  return JSON.stringify(compileTemplate(`{{ ${source} }}`).evaluate(makeScope())) === JSON.stringify(expected)
}

t.test('every sample gives what it should, and uses what it is for', async (t) => {
  for (const [name, [source, expected]] of [...Object.entries(IDENTIFIER_SAMPLES), ...Object.entries(METHOD_SAMPLES)]) {
    t.ok(source.includes(name.replace('()', '')), `${source} uses ${name}`)
    t.strictSame(compileTemplate(`{{ ${source} }}`).evaluate(makeScope()), expected, source)
  }
})

t.test('at least 99 % of what people use and is pure, by count', async (t) => {
  for (const [kind, names, samples] of [['identifiers', usage.identifiers, IDENTIFIER_SAMPLES], ['methods', usage.methods, METHOD_SAMPLES]] as const) {
    const pure = names.filter(([name]) => !IMPURE.has(name))
    const total = pure.reduce((sum, [, count]) => sum + count, 0)
    const supported = pure.filter(([name]) => Object.hasOwn(samples, name) && sampleWorks(samples[name]))
    const share = supported.reduce((sum, [, count]) => sum + count, 0) / total
    const missing = pure.filter((entry) => !supported.includes(entry)).map(([name, count]) => `${name} ${count}`)
    t.ok(share >= 0.99, `${kind}: ${(share * 100).toFixed(2)} %, without ${missing.join(', ')}`)
  }
})

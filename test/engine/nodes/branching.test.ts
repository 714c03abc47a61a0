import t from 'tap'
import { readFile } from 'node:fs/promises'
import { operatorNames } from '../../../src/engine/nodes/operators.ts'
import { filter } from '../../../src/engine/nodes/filter.ts'
import { ifNode } from '../../../src/engine/nodes/if.ts'
import { switchNode } from '../../../src/engine/nodes/switch.ts'
import { nodeContext } from '../../support/node-context.ts'

const items = [{ n: 5 }, { n: 50 }, { n: 500 }]
const rule = (left: unknown, operator: 'gt' | 'lt', right: unknown) => ({ left, operator, right })

t.test('if sends each item one of two ways, unchanged', async t => {
  const { outputs } = await ifNode.run(nodeContext({ items, parameters: index => ({ condition: index === 1 ? 'yes' : 0 }) }))
  t.same(outputs, { true: [{ from: 1 }], false: [{ from: 0 }, { from: 2 }] })
})

t.test('filter keeps the items that fit all rules, or one', async t => {
  const rules = (index: number) => [rule(items[index]?.n, 'gt', 10), rule(items[index]?.n, 'lt', 100)]
  const kept = async (combine?: 'and' | 'or') => {
    const { outputs } = await filter.run(nodeContext({ items, parameters: index => ({ conditions: { ...(combine && { combine }), rules: rules(index) } }) }))
    return outputs
  }
  t.same(await kept(), { kept: [{ from: 1 }], discarded: [{ from: 0 }, { from: 2 }] })
  t.same(await kept('and'), await kept())
  t.same(await kept('or'), { kept: [{ from: 0 }, { from: 1 }, { from: 2 }], discarded: [] })
})

t.test('exactly one kind of condition is given', async t => {
  const conditions = { rules: [rule(1, 'gt', 0)] }
  for (const { check } of [ifNode, filter]) {
    t.match(check?.({}), [{ pointer: '', code: 'WC_CONDITION' }])
    t.match(check?.({ condition: true, conditions }), [{ pointer: '', code: 'WC_CONDITION' }])
    for (const given of [{ conditions }, { condition: '{{ $json.a }}' }, { condition: false }, { condition: '{{ {a: {b: 1}} }}' }]) t.same(check?.(given), [])
    for (const condition of ['$json.a > 1', '{{ $json.a }} && {{ $json.b }}', ' {{ $json.a }}']) {
      t.match(check?.({ condition }), [{ pointer: '/condition', severity: 'warning' }], condition)
    }
  }
})

t.test('a pattern that is none is found before anything runs', async t => {
  const withPattern = (right: unknown) => ({ conditions: { rules: [{ left: '', operator: 'matches', right }] } })
  t.match(ifNode.check?.(withPattern('(')), [{ pointer: '/conditions/rules/0/right', code: 'WC_CONDITION_PATTERN' }])
  t.same(ifNode.check?.(withPattern('^a')), [])
  t.same(ifNode.check?.(withPattern('{{ $json.pattern }}')), [])
})

t.test('switch takes the first rule that fits, then the fallback, then nothing', async t => {
  const parameters = (index: number) => ({
    rules: [
      { output: 'large', condition: (items[index]?.n ?? 0) > 100 },
      { output: 'some', conditions: { rules: [rule(items[index]?.n, 'gt', 10)] } },
      { output: 'large', condition: (items[index]?.n ?? 0) > 10 }
    ]
  })
  t.same((await switchNode.run(nodeContext({ items, parameters }))).outputs, { some: [{ from: 1 }], large: [{ from: 2 }] })
  const withFallback = (index: number) => ({ ...parameters(index), fallback: 'rest' })
  t.same((await switchNode.run(nodeContext({ items, parameters: withFallback }))).outputs, { rest: [{ from: 0 }], some: [{ from: 1 }], large: [{ from: 2 }] })
})

t.test('the outputs of a switch are those of its rules, once each, and the fallback', async t => {
  const rules = [{ output: 'b' }, { output: 'a' }, { output: 'b' }]
  t.same(switchNode.outputs({ rules, fallback: 'c' }), ['b', 'a', 'c'])
  t.same(switchNode.outputs({ rules, fallback: 'a' }), ['b', 'a'])
  for (const draft of [{}, { rules: null }, { rules: [null, 1, { output: 2 }] }]) t.same(switchNode.outputs(draft), [])
  t.match(switchNode.check?.({ rules: [{ output: 'a' }, { output: 'error', condition: true }], fallback: 'error' }), [
    { pointer: '/rules/0', code: 'WC_CONDITION' }, { pointer: '/rules/1/output', code: 'WC_SWITCH_OUTPUT' }, { pointer: '/fallback', code: 'WC_SWITCH_OUTPUT' }
  ])
})

t.test('a rule that demands a type fails the step where the left side is of another, and names the item', async t => {
  const rule = (left: unknown, more: object = {}) => ({ conditions: { rules: [{ left, operator: 'equals' as const, right: 5, type: 'number' as const, ...more }] } })
  const lefts: unknown[] = [5, null, 'x']
  const run = async (items: object[], more: object = {}) => await ifNode.run(nodeContext({ items: items.map(() => ({})), parameters: index => rule(lefts[index], more) }))
  t.match(await run([{}, {}]), { outputs: { true: [{ from: 0 }], false: [{ from: 1 }] } })
  await t.rejects(run([{}, {}, {}]), { code: 'WC_CONDITION_TYPE', detail: { itemIndex: 2 } })
  for (const [type, left, isFine] of [
    ['number', '5', true], ['number', 'x', false], ['string', 5, true], ['string', {}, false], ['boolean', 'TRUE', true], ['boolean', 'yes', false],
    ['date', 86_400_000, true], ['date', 'soon', false], ['array', 'a', false], ['object', [], false]
  ] as const) {
    const tried = Promise.resolve().then(() => ifNode.run(nodeContext({ items: [{}], parameters: rule(left, { type, loose: true }) })))
    if (isFine) await t.resolves(tried, `${type} ${String(left)}`)
    else await t.rejects(tried, { code: 'WC_CONDITION_TYPE' }, `${type} ${String(left)}`)
  }
  t.match(ifNode.check?.(rule('a', { operator: 'startsWith' })), [{ pointer: '/conditions/rules/0/operator', code: 'WC_CONDITION_OPERATOR' }])
  t.match(ifNode.check?.(rule('a', { operator: 'notMatches', type: 'string', right: '(' })), [{ pointer: '/conditions/rules/0/right', code: 'WC_CONDITION_PATTERN' }])
  t.same(ifNode.check?.(rule('a', { operator: 'after', type: 'date' })), [])
})

t.test('the page of conditions names every operator', async t => {
  const page = await readFile(new URL('../../../docs/conditions.md', import.meta.url), 'utf8')
  for (const name of operatorNames) t.ok(page.includes(`\`${name}\``), name)
})

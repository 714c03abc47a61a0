import t from 'tap'
import { makeScope } from '../../support/expression-scope.ts'
import { node, planOf, start } from '../../support/engine-simulator.ts'

function evaluate (type: string, parameters: Record<string, unknown>): unknown {
  const plan = planOf([start, node('x', { type, parameters })], ['start -> x'])
  return plan.byId.get('x')!.parameters.evaluate(makeScope({}))
}

t.test('an expression in place of a whole object or list must give one that fits', async t => {
  for (const [type, name, given, pointer] of [
    ['set', 'fields', '{{ null }}', '/fields'], ['set', 'fields', '{{ undefined }}', '/fields'], ['set', 'fields', '{{ [1] }}', '/fields'],
    ['if', 'conditions', '{{ 5 }}', '/conditions'], ['filter', 'conditions', '{{ ({}) }}', '/conditions/rules'],
    ['if', 'conditions', "{{ ({ rules: [{ left: 1, operator: 'none' }] }) }}", '/conditions/rules/0/operator'],
    ['switch', 'rules', '{{ "x" }}', '/rules'], ['switch', 'rules', '{{ [5] }}', '/rules/0'],
    ['httpRequest', 'pagination', '{{ 5 }}', '/pagination']
  ] as const) t.throws(() => evaluate(type, { [name]: given }), { code: 'WC_PARAMETER', detail: { pointer } }, `${type} ${given}`)
})

t.test('what fits is taken, and null leaves out what may be left out', async t => {
  t.same(evaluate('set', { fields: '{{ ({ a: 1 }) }}' }), { fields: { a: 1 } })
  t.same(evaluate('if', { conditions: "{{ ({ rules: [{ left: 1, operator: 'equals', right: 1 }] }) }}" }), { conditions: { rules: [{ left: 1, operator: 'equals', right: 1 }] } })
  t.same(evaluate('httpRequest', { url: 'x', pagination: '{{ null }}' }), { url: 'x' })
})

import { Type } from '@sinclair/typebox'
import { ERROR_OUTPUT } from '../definition.ts'
import type { OutputItem } from '../item.ts'
import { STATIC } from '../schemas.ts'
import { conditionIssues, conditionProperties, holds } from './conditions.ts'
import { defineNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'

const OutputName = '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'

const SwitchParameters = Type.Object({
  rules: Type.Array(Type.Object({
    output: Type.String({ title: 'Output', description: 'The name of the output for items that this rule is the first to fit.', pattern: OutputName, ...STATIC }),
    ...conditionProperties
  }, { additionalProperties: false }), { title: 'Rules', description: 'Tried in order; the first that holds decides.', minItems: 1, maxItems: 100 }),
  fallback: Type.Optional(Type.String({
    title: 'Fallback', description: 'The output for items that no rule fits; without it they are dropped.', pattern: OutputName, ...STATIC
  }))
}, { additionalProperties: false })

export const switchNode = defineNode({
  type: 'switch',
  title: 'Switch',
  description: 'Sends each item to the output of the first rule that it fits.',
  icon: 'route',
  category: 'flow',
  effects: 'none',
  parameters: SwitchParameters,
  outputs: outputNames,
  check: checkSwitch,
  run ({ items, parameters }) {
    const outputs = new Map<string, OutputItem[]>()
    items.forEach((_item, index) => {
      const { rules, fallback } = parameters(index)
      const output = rules.find(holds)?.output ?? fallback
      if (output === undefined) return
      const list = outputs.get(output) ?? []
      outputs.set(output, list)
      list.push({ from: index })
    })
    return { outputs: Object.fromEntries(outputs) }
  }
})

function checkSwitch ({ rules, fallback }: Readonly<Record<string, unknown>>): readonly ParameterIssue[] {
  const named = rules as readonly Record<string, unknown>[]
  return [
    ...named.flatMap((rule, index) => conditionIssues(rule, `/rules/${index}`)),
    ...named.flatMap(({ output }, index) => reservedIssues(output, `/rules/${index}/output`)),
    ...reservedIssues(fallback, '/fallback')
  ]
}

function reservedIssues (output: unknown, pointer: string): readonly ParameterIssue[] {
  if (output !== ERROR_OUTPUT) return []
  return [{ pointer, message: `${ERROR_OUTPUT} is the output of failed steps`, code: 'WC_SWITCH_OUTPUT' }]
}

// Asked also about drafts that do not fit the schema yet.
function outputNames ({ rules, fallback }: Readonly<Record<string, unknown>>): readonly string[] {
  const named = Array.isArray(rules) ? rules.map((rule: { output?: unknown } | null) => rule?.output) : []
  return [...new Set([...named, fallback].filter(name => typeof name === 'string'))]
}

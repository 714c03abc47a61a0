import { Type } from '@sinclair/typebox'
import { conditionIssues, conditionProperties } from './conditions.ts'
import { defineNode } from './node-type.ts'
import { partition } from './partition.ts'

export const filter = defineNode({
  type: 'filter',
  title: 'Filter',
  description: 'Keeps the items for which a condition holds.',
  icon: 'filter',
  category: 'flow',
  effects: 'none',
  parameters: Type.Object(conditionProperties, { additionalProperties: false }),
  outputs: ['kept', 'discarded'],
  check: parameters => conditionIssues(parameters),
  run (context) {
    const [kept, discarded] = partition(context)
    return { outputs: { kept, discarded } }
  }
})

import { Type } from '@sinclair/typebox'
import { conditionIssues, conditionProperties } from './conditions.ts'
import { defineNode } from './node-type.ts'
import { partition } from './partition.ts'

export const ifNode = defineNode({
  type: 'if',
  title: 'If',
  description: 'Sends each item one of two ways.',
  icon: 'split',
  category: 'flow',
  effects: 'none',
  parameters: Type.Object(conditionProperties, { additionalProperties: false }),
  outputs: ['true', 'false'],
  check: parameters => conditionIssues(parameters),
  run (context) {
    const [holding, rest] = partition(context)
    return { outputs: { true: holding, false: rest } }
  }
})

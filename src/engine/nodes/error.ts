import { Type } from '@sinclair/typebox'
import { defineNode } from './node-type.ts'

export const ERROR_TRIGGER = 'error'

export const error = defineNode({
  type: ERROR_TRIGGER,
  title: 'Error',
  description: 'Starts when an execution of a workflow that names this one as its error workflow fails, takes too long or crashes; emits { execution, workflow }.',
  icon: 'triangle-alert',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: Type.Object({}, { additionalProperties: false }),
  run: ({ items }) => ({ outputs: { main: items.map((_item, index) => ({ from: index })) } })
})

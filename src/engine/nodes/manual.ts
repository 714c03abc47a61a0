import { Type } from '@sinclair/typebox'
import { anyValue, dictionary, STATIC } from '../schemas.ts'
import { defineNode } from './node-type.ts'

export const manual = defineNode({
  type: 'manual',
  title: 'Manual start',
  description: 'Starts when someone runs the workflow by hand or through the API; emits the given input.',
  icon: 'mouse-pointer-click',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: Type.Object({
    inputSchema: Type.Optional(dictionary(anyValue(), {
      title: 'Input schema', description: 'A JSON Schema that the input must fit for the execution to start.', ...STATIC
    }))
  }, { additionalProperties: false }),
  run: ({ items }) => ({ outputs: { main: items.map((_item, index) => ({ from: index })) } })
})

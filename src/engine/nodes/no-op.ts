import { Type } from '@sinclair/typebox'
import { defineNode } from './node-type.ts'

export const noOp = defineNode({
  type: 'noOp',
  title: 'No operation',
  description: 'Passes items on as they are: a place to join branches or to hang notes on.',
  icon: 'circle-dashed',
  category: 'flow',
  effects: 'none',
  parameters: Type.Object({}, { additionalProperties: false }),
  run: ({ items }) => ({ outputs: { main: items.map((_item, index) => ({ from: index })) } })
})

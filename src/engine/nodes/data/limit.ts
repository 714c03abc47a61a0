import { Type } from '@sinclair/typebox'
import { oneOf, STATIC } from '../../schemas.ts'
import { defineNode } from '../node-type.ts'
import { wholeNumber } from './evaluated.ts'

const BOUNDS = { minimum: 0, maximum: 1_000_000_000 }

export const limit = defineNode({
  type: 'limit',
  title: 'Limit',
  description: 'Keeps the first or the last items.',
  icon: 'list-end',
  category: 'data',
  effects: 'none',
  parameters: Type.Object({
    count: Type.Integer({ title: 'Count', description: 'How many items to keep at most.', ...BOUNDS, examples: [10] }),
    keep: Type.Optional(oneOf(['first', 'last'], { title: 'Keep', description: 'From which end.', default: 'first', ...STATIC })),
    offset: Type.Optional(Type.Integer({ title: 'Offset', description: 'How many items to leave out at that end before.', ...BOUNDS, default: 0 }))
  }, { additionalProperties: false }),
  run ({ items, parameters }) {
    const given = parameters(0)
    const count = wholeNumber(given.count, '/count', BOUNDS)
    const offset = wholeNumber(given.offset ?? 0, '/offset', BOUNDS)
    const end = given.keep === 'last' ? items.length - offset : Math.min(items.length, offset + count)
    const start = given.keep === 'last' ? Math.max(0, end - count) : offset
    return { outputs: { main: Array.from({ length: Math.max(0, end - start) }, (_, place) => ({ from: start + place })) } }
  }
})

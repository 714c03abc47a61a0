import { Type } from '@sinclair/typebox'
import { LOOP } from '../loop-structure.ts'
import { NodeError } from '../node-error.ts'
import { defineNode } from './node-type.ts'

const DEFAULT_BATCH_SIZE = 1

/**
 * Sends the first batch; the engine goes on with the next ones by itself, whenever the body has come to rest
 * (`nextOutputs` in loop-state).
 */
export const loop = defineNode({
  type: LOOP.type,
  title: 'Loop',
  description: 'Sends its items through its body in batches, one after the other, and then on what came back.',
  icon: 'repeat',
  category: 'flow',
  effects: 'none',
  parameters: Type.Object({
    batchSize: Type.Optional(Type.Integer({
      title: 'Batch size', description: 'How many items go through the body at a time; of an expression the value for the first item counts.', minimum: 1, default: DEFAULT_BATCH_SIZE
    }))
  }, { additionalProperties: false }),
  outputs: [LOOP.body, LOOP.done],
  run ({ items, parameters }) {
    const { batchSize = DEFAULT_BATCH_SIZE } = parameters(0)
    const size = Number(batchSize)
    if (!Number.isInteger(size) || size < 1) throw new NodeError('WC_LOOP_BATCH_SIZE', 'The batch size must be a whole number from 1', { pointer: '/batchSize' })
    return { outputs: { [LOOP.body]: items.slice(0, size).map((_item, from) => ({ from })) } }
  }
})

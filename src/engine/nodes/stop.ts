import { Type } from '@sinclair/typebox'
import { NodeError } from '../node-error.ts'
import { anyValue } from '../schemas.ts'
import { defineNode } from './node-type.ts'

const DEFAULT_MESSAGE = 'Stopped by the workflow'

export const stop = defineNode({
  type: 'stop',
  title: 'Stop with an error',
  description: 'Fails here, with a message of your own.',
  icon: 'octagon-x',
  category: 'flow',
  effects: 'none',
  parameters: Type.Object({
    message: Type.Optional(Type.String({ title: 'Message', description: 'Why it stopped.', default: DEFAULT_MESSAGE, maxLength: 10_000 })),
    data: Type.Optional(anyValue({ title: 'Data', description: 'Anything that helps to find the cause; kept with the error.' }))
  }, { additionalProperties: false }),
  outputs: [],
  run ({ parameters }) {
    const { message, data } = parameters(0)
    const text = message === undefined || message === null || message === '' ? DEFAULT_MESSAGE : String(message)
    throw new NodeError('WC_STOPPED', text, data === undefined ? {} : { data })
  }
})

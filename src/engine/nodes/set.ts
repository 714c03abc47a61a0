import { Type } from '@sinclair/typebox'
import { escapePointer } from '../../lib/strict-json.ts'
import type { OutputItem } from '../item.ts'
import { anyValue, dictionary, oneOf, STATIC } from '../schemas.ts'
import { defineNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'
import { patchOfFields, pathProblem } from './paths.ts'

const SetParameters = Type.Object({
  fields: dictionary(anyValue({ title: 'Value' }), {
    title: 'Fields',
    description: 'New values by field name. A dot leads into an object or a list: customer.name, lines.0.price.'
  }),
  keep: Type.Optional(oneOf(['all', 'none'], {
    title: 'Keep',
    description: 'Whether the other fields of the item stay.',
    default: 'all',
    ...STATIC
  }))
}, { additionalProperties: false })

export const set = defineNode({
  type: 'set',
  title: 'Set fields',
  description: 'Writes fields of each item.',
  icon: 'pencil',
  category: 'data',
  effects: 'none',
  parameters: SetParameters,
  check: ({ fields }) => checkFields(fields),
  run ({ items, parameters }) {
    const main = items.map((item, index): OutputItem => {
      const { fields, keep = 'all' } = parameters(index)
      return keep === 'none' ? { from: index, json: patchOfFields({}, fields) } : { from: index, patch: patchOfFields(item.json, fields) }
    })
    return { outputs: { main } }
  }
})

function checkFields (fields: unknown): readonly ParameterIssue[] {
  if (typeof fields !== 'object' || fields === null) return []
  return Object.keys(fields).flatMap(name => {
    const message = pathProblem(name)
    const pointer = `/fields/${escapePointer(name)}`
    return message === null ? [] : [{ pointer, message, code: 'WC_FIELD_PATH' }]
  })
}

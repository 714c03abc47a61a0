import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { parsePath, patchOf } from '../paths.ts'
import { eachItem } from './each-item.ts'
import { readXml } from './xml-read.ts'
import { writeXml } from './xml-write.ts'

const NAME = '^[A-Za-z_:][A-Za-z0-9_:.-]*$'
const MARK = '^[^A-Za-z0-9_]{0,3}$'

const XmlParameters = Type.Object({
  operation: Type.Optional(oneOf(['toJson', 'toXml'], { title: 'Operation', description: 'toJson: reads XML. toXml: writes it.', default: 'toJson', ...STATIC })),
  value: anyValue({ title: 'Value', description: 'toJson: the XML, as text. toXml: an object with one field, which becomes the root; or any, with a root given.', examples: ['{{ $json.body }}'] }),
  root: Type.Optional(Type.String({ title: 'Root', description: 'toXml: the name of an element around the value.', pattern: NAME, maxLength: 128, examples: ['order'], ...STATIC })),
  attributePrefix: Type.Optional(Type.String({ title: 'Prefix of attributes', description: 'What the names of fields begin with that stand for attributes.', default: '@', pattern: MARK, minLength: 1, ...STATIC })),
  textName: Type.Optional(Type.String({ title: 'Name of the text', description: 'The field for the text of an element that has attributes or elements too.', default: '#text', minLength: 1, maxLength: 32, pattern: '^[^A-Za-z0-9_]', ...STATIC })),
  attributes: Type.Optional(Type.Boolean({ title: 'Attributes', description: 'toJson: whether to keep them.', default: true, ...STATIC })),
  lists: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { title: 'Lists', description: 'toJson: names of elements that are lists even where they stand once.', maxItems: 100, examples: [['line', 'item']], ...STATIC })),
  declaration: Type.Optional(Type.Boolean({ title: 'Declaration', description: 'toXml: whether it begins with <?xml …?>.', default: true, ...STATIC })),
  indent: Type.Optional(Type.Boolean({ title: 'Indent', description: 'toXml: a line for each element.', default: false, ...STATIC })),
  field: Type.Optional(fieldPath('Field', 'Where the result goes; by default json or xml.', { examples: ['order'] }))
}, { additionalProperties: false })

export type XmlParameters = Static<typeof XmlParameters>

export const xml = defineNode({
  type: 'xml',
  title: 'XML',
  description: 'Turns XML into data, and data into XML.',
  icon: 'file-code',
  category: 'data',
  effects: 'none',
  parameters: XmlParameters,
  check: ({ field, operation, root }) => [...writingPathIssues(field, '/field'), ...rootIssues(operation, root)],
  run: context => eachItem(context, (parameters, { json }, from) => {
    const isReading = parameters.operation !== 'toXml'
    const result = isReading ? readXml(parameters) : writeXml(parameters)
    return { from, patch: patchOf(json, [[parsePath(parameters.field ?? (isReading ? 'json' : 'xml')), result]]) }
  })
})

function rootIssues (operation: unknown, root: unknown): readonly ParameterIssue[] {
  return operation === 'toXml' || root === undefined ? [] : [{ pointer: '/root', message: 'root goes with operation: toXml', code: 'WC_XML' }]
}

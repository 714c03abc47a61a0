import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { Item, JsonObject } from '../../item.ts'
import { oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, fieldPaths, readingPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { parsePath, readPath, write } from '../paths.ts'
import type { Write } from '../paths.ts'

const DEFAULT_INTO = 'items'

const AggregateParameters = Type.Object({
  mode: Type.Optional(oneOf(['items', 'fields'], {
    title: 'Mode', description: 'items: all items as one list. fields: each field as a list of its values.', default: 'items', ...STATIC
  })),
  into: Type.Optional(fieldPath('Into', 'items: the field for the list.', { default: DEFAULT_INTO, examples: ['orders'] })),
  only: Type.Optional(fieldPaths('Only', 'items: the fields of each item that the list has; by default all.', { minItems: 1 })),
  fields: Type.Optional(Type.Array(Type.Object({
    field: fieldPath('Field', 'The field whose values are listed.'),
    as: Type.Optional(fieldPath('As', 'The field for the list; by default the same.', { examples: ['ids'] }))
  }, { additionalProperties: false }), { title: 'Fields', description: 'fields: what to list.', minItems: 1, maxItems: 100, ...STATIC })),
  mergeLists: Type.Optional(Type.Boolean({ title: 'Merge lists', description: 'fields: list the elements of values that are lists, not the lists.', default: false, ...STATIC })),
  keepMissing: Type.Optional(Type.Boolean({ title: 'Keep missing', description: 'fields: list null where an item has no value; by default nothing.', default: false, ...STATIC }))
}, { additionalProperties: false })

type AggregateParameters = Static<typeof AggregateParameters>

export const aggregate = defineNode({
  type: 'aggregate',
  title: 'Aggregate',
  description: 'Makes one item of all.',
  icon: 'group',
  category: 'data',
  effects: 'none',
  parameters: AggregateParameters,
  check: parameters => checkAggregate(parameters as AggregateParameters),
  run ({ items, parameters }) {
    const given = parameters(0)
    const json = write({}, given.mode === 'fields' ? listFields(items, given) : listItems(items, given))
    return { outputs: { main: [{ from: items.map((_item, index) => index), json }] } }
  }
})

function listItems (items: readonly Item[], { into = DEFAULT_INTO, only }: AggregateParameters): Write[] {
  const paths = only?.map(path => parsePath(path))
  return [[parsePath(into), items.map(({ json }) => paths === undefined ? json : pick(json, paths))]]
}

function pick (json: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  return write({}, paths.flatMap((path): Write[] => {
    const value = readPath(json, path)
    return value === undefined ? [] : [[path, value]]
  }))
}

function listFields (items: readonly Item[], { fields = [], mergeLists = false, keepMissing = false }: AggregateParameters): Write[] {
  return fields.map(({ field, as = field }): Write => {
    const path = readingPath(field)
    const values: unknown[] = []
    for (const { json } of items) {
      const value = readPath(json, path) ?? null
      if (mergeLists && Array.isArray(value)) for (const element of value) values.push(element)
      else if (value !== null || keepMissing) values.push(value)
    }
    return [parsePath(as), values]
  })
}

function checkAggregate ({ mode = 'items', into, only, fields }: AggregateParameters): readonly ParameterIssue[] {
  const issues: ParameterIssue[] = [
    ...writingPathIssues(into, '/into'),
    ...(only ?? []).flatMap((path, index) => writingPathIssues(path, `/only/${index}`)),
    ...(fields ?? []).flatMap(({ field, as = field }, index) => writingPathIssues(as, `/fields/${index}/${as === field ? 'field' : 'as'}`))
  ]
  const report = (pointer: string, message: string): void => { issues.push({ pointer, message, code: 'WC_AGGREGATE' }) }
  if (mode === 'fields' && fields === undefined) report('/fields', 'mode fields needs the fields to list')
  if (mode === 'items' && fields !== undefined) report('/fields', 'fields goes with mode: fields')
  return issues
}

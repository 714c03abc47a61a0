import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { localeOf } from '../../locale.ts'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, readingPath } from '../field-path.ts'
import { withItemIndex } from '../http-errors.ts'
import { defineNode } from '../node-type.ts'
import type { NodeContext, ParameterIssue } from '../node-type.ts'
import { readPath } from '../paths.ts'
import { listOf } from './evaluated.ts'
import { localeIssues } from './locale-issues.ts'
import { rankOf, rankOrder } from './sort-order.ts'

const SortKey = Type.Object({
  field: Type.Optional(fieldPath('Field', 'The field to sort by.')),
  value: Type.Optional(anyValue({ title: 'Value', description: 'What to sort by, where it is no field: an expression.', examples: ['{{ $json.price * $json.quantity }}'] })),
  order: Type.Optional(oneOf(['ascending', 'descending'], { title: 'Order', description: 'Which way.', default: 'ascending', ...STATIC })),
  type: Type.Optional(oneOf(['auto', 'text', 'natural', 'number', 'date'], {
    title: 'Type',
    description: 'auto: numbers, then text, then truth values, then the rest. text: by the rules of the locale. natural: the same with numbers in the text by size, so that "file 9" comes before "file 10". number and date: also of text; what is no such thing counts as missing.',
    default: 'auto',
    ...STATIC
  })),
  ignoreCase: Type.Optional(Type.Boolean({ title: 'Ignore case', description: 'Compare text without regard to case.', default: false, ...STATIC })),
  missing: Type.Optional(oneOf(['last', 'first'], { title: 'Missing', description: 'Where items without a value go, whatever the order.', default: 'last', ...STATIC }))
}, { additionalProperties: false })

export type SortKey = Static<typeof SortKey>

const SortParameters = Type.Object({
  keys: Type.Array(SortKey, { title: 'Keys', description: 'The first decides; each further one where those before it are equal. Items equal in all keep their order.', minItems: 1, maxItems: 10 }),
  locale: Type.Optional(Type.String({ title: 'Locale', description: 'The language by whose rules text is sorted.', default: 'en', maxLength: 40, examples: ['en', 'de', 'sv'], ...STATIC }))
}, { additionalProperties: false })

type SortParameters = Static<typeof SortParameters>

export const sort = defineNode({
  type: 'sort',
  title: 'Sort',
  description: 'Brings the items in order.',
  icon: 'arrow-up-down',
  category: 'data',
  effects: 'none',
  parameters: SortParameters,
  check: ({ keys, locale }) => [...(keys as readonly SortKey[]).flatMap(keyIssues), ...localeIssues(locale)],
  run (context) {
    const { keys, locale = 'en' } = context.parameters(0)
    const given = listOf(keys, '/keys')
    const tag = localeOf(locale)
    // A column a key: ranks are worked out once an item, and comparisons only look them up.
    const columns = valuesOf(context, given).map((values, place) => {
      const key = given[place]!
      const ranks = values.map(value => rankOf(value, key.type ?? 'auto'))
      return { ranks, compare: rankOrder(key, tag) }
    })
    const order = context.items.map((_item, index) => index)
    order.sort((a, b) => {
      for (const { ranks, compare } of columns) {
        const result = compare(ranks[a]!, ranks[b]!)
        if (result !== 0) return result
      }
      return 0
    })
    return { outputs: { main: order.map(from => ({ from })) } }
  }
})

/** The values to sort by, a list a key. */
function valuesOf ({ items, parameters }: NodeContext<SortParameters>, keys: readonly SortKey[]): unknown[][] {
  const columns = keys.map(({ field }) => {
    if (field === undefined) return []
    const path = readingPath(field)
    return items.map(({ json }) => readPath(json, path))
  })
  if (keys.every(({ field }) => field !== undefined)) return columns
  items.forEach((_item, index) => {
    try {
      const evaluated = parameters(index).keys
      keys.forEach(({ field }, place) => { if (field === undefined) columns[place]!.push(evaluated[place]?.value) })
    } catch (error) {
      throw withItemIndex(error, index)
    }
  })
  return columns
}

function keyIssues ({ field, value }: SortKey, index: number): readonly ParameterIssue[] {
  if ((field === undefined) !== (value === undefined)) return []
  return [{ pointer: `/keys/${index}`, message: 'give exactly one of field and value', code: 'WC_SORT' }]
}

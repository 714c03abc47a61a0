import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { JsonObject, OutputItem } from '../../item.ts'
import { oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, fieldPaths, writingPathIssues } from '../field-path.ts'
import { assertItemCount } from '../item-count.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { isPlainObject } from '../plain-object.ts'
import { parsePath, patchOf, readPath, write } from '../paths.ts'
import type { Path, Write } from '../paths.ts'

const SplitOutParameters = Type.Object({
  field: fieldPath('Field', 'The list whose elements become items. What is no list counts as a list of it alone, what is missing as an empty one.', { examples: ['lines', 'body.orders'] }),
  as: Type.Optional(fieldPath('As', 'The field for the element. By default an element that is an object becomes the item itself where nothing else is kept, and any other stands where the list stood.', { examples: ['line'] })),
  keep: Type.Optional(oneOf(['none', 'all', 'selected'], { title: 'Keep', description: 'Which other fields of the item each new item has.', default: 'none', ...STATIC })),
  fields: Type.Optional(fieldPaths('Fields', 'The other fields to keep, with keep: selected.', { minItems: 1 }))
}, { additionalProperties: false })

type SplitOutParameters = Static<typeof SplitOutParameters>

export const splitOut = defineNode({
  type: 'splitOut',
  title: 'Split out',
  description: 'Makes an item of each element of a list.',
  icon: 'ungroup',
  category: 'data',
  effects: 'none',
  parameters: SplitOutParameters,
  check: parameters => checkSplitOut(parameters as SplitOutParameters),
  run ({ items, parameters }) {
    const given = parameters(0)
    const source = parsePath(given.field)
    const shape = shaperOf(given, source)
    const main: OutputItem[] = []
    items.forEach(({ json }, from) => {
      const found = readPath(json, source)
      if (found === undefined || found === null) return
      const elements: readonly unknown[] = Array.isArray(found) ? found : [found]
      assertItemCount(main.length + elements.length)
      for (const element of elements) main.push({ from, ...shape(json, element) })
    })
    return { outputs: { main } }
  }
})

function shaperOf ({ as, keep = 'none', fields = [] }: SplitOutParameters, source: Path): (json: JsonObject, element: unknown) => Pick<OutputItem, 'json' | 'patch'> {
  const target = as === undefined ? source : parsePath(as)
  if (keep === 'all') return (json, element) => ({ patch: patchOf(json, [[target, element]]) })
  const kept = fields.map(path => parsePath(path))
  const place = keep === 'none' && as === undefined ? source.slice(-1) : target
  return (json, element) => {
    if (keep === 'none' && as === undefined && isPlainObject(element)) return { json: element }
    const others = kept.flatMap((path): Write[] => {
      const value = readPath(json, path)
      return value === undefined ? [] : [[path, value]]
    })
    return { json: write({}, [...others, [place, element]]) }
  }
}

function checkSplitOut ({ field, as, keep = 'none', fields }: SplitOutParameters): readonly ParameterIssue[] {
  return [
    ...writingPathIssues(field, '/field'),
    ...writingPathIssues(as, '/as'),
    ...(fields ?? []).flatMap((path, index) => writingPathIssues(path, `/fields/${index}`)),
    ...((keep === 'selected') === (fields !== undefined)
      ? []
      : [{ pointer: '/fields', message: 'fields goes with keep: selected, and keep: selected needs it', code: 'WC_SPLIT_OUT' }])
  ]
}

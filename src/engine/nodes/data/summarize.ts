import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { Item, OutputItem } from '../../item.ts'
import { oneOf, STATIC } from '../../schemas.ts'
import { canonicalText } from '../../../lib/canonical-text.ts'
import { fieldPath, fieldPaths, readingPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { parsePath, readPath, write } from '../paths.ts'
import type { Path, Write } from '../paths.ts'
import { summaries, summaryNames } from './summaries.ts'
import type { SummaryName } from './summaries.ts'

const SummaryField = Type.Object({
  operation: oneOf(summaryNames, {
    title: 'Operation',
    description: 'sum, average, min, max: of numbers (min and max also of text). count: the values. countUnique: the different ones. append: their list. concatenate: their text. first, last: the first, the last of them.',
    ...STATIC
  }),
  field: Type.Optional(fieldPath('Field', 'Whose values; count without a field counts the items.')),
  as: Type.Optional(fieldPath('As', 'The field for the result; by default the operation and the field, such as sum_price.', { examples: ['total'] })),
  separator: Type.Optional(Type.String({ title: 'Separator', description: 'concatenate: what stands between the texts.', default: ', ', maxLength: 100, ...STATIC }))
}, { additionalProperties: false })

type SummaryField = Static<typeof SummaryField>

const SummarizeParameters = Type.Object({
  groupBy: Type.Optional(fieldPaths('Group by', 'Items with equal values in all of these fields are one group. Without any, all items are.')),
  fields: Type.Array(SummaryField, { title: 'Fields', description: 'What to work out for each group.', minItems: 1, maxItems: 100, ...STATIC })
}, { additionalProperties: false })

type SummarizeParameters = Static<typeof SummarizeParameters>

export const summarize = defineNode({
  type: 'summarize',
  title: 'Summarize',
  description: 'Works out sums, counts and the like, for all items or for groups of them.',
  icon: 'sigma',
  category: 'data',
  effects: 'none',
  parameters: SummarizeParameters,
  check: parameters => checkSummarize(parameters as SummarizeParameters),
  run ({ items, parameters }) {
    const { groupBy = [], fields } = parameters(0)
    const keys = groupBy.map(path => parsePath(path))
    const columns = fields.map(({ field }) => field === undefined ? undefined : readingPath(field))
    const main = [...groupsOf(items, keys)].map((members): OutputItem => {
      const first = items[members[0]!]!
      const results = fields.map((field, index): Write => [parsePath(resultName(field)), resultOf(field, columns[index], items, members)])
      return { from: members, json: write({}, [...keys.map((path): Write => [path, readPath(first.json, path)]), ...results]) }
    })
    return { outputs: { main } }
  }
})

/** Positions of items, a list a group, in the order in which the groups first appear. */
function groupsOf (items: readonly Item[], keys: readonly Path[]): Iterable<readonly number[]> {
  const groups = new Map<string, number[]>()
  items.forEach(({ json }, index) => {
    // Null and missing are one group.
    const key = keys.map(path => canonicalText(readPath(json, path) ?? null)).join('\n')
    const members = groups.get(key)
    if (members === undefined) groups.set(key, [index])
    else members.push(index)
  })
  return groups.values()
}

function resultOf ({ operation, separator = ', ' }: SummaryField, path: Path | undefined, items: readonly Item[], members: readonly number[]): unknown {
  if (path === undefined) return members.length
  const values: unknown[] = []
  const places: number[] = []
  for (const index of members) {
    const value = readPath(items[index]!.json, path)
    if (value === undefined || value === null) continue
    values.push(value)
    places.push(index)
  }
  return summaries[operation](values, { separator, field: path.join('.'), itemIndex: place => places[place]! })
}

function resultName ({ operation, field, as }: SummaryField): string {
  return as ?? (field === undefined ? operation : `${operation}_${field.replaceAll('.', '_')}`)
}

const WITHOUT_FIELD: readonly SummaryName[] = ['count']

function checkSummarize ({ groupBy = [], fields }: SummarizeParameters): readonly ParameterIssue[] {
  const names = new Map<string, number>()
  return [
    ...groupBy.flatMap((path, index) => writingPathIssues(path, `/groupBy/${index}`)),
    ...fields.flatMap((field, index): readonly ParameterIssue[] => {
      const name = resultName(field)
      const other = names.get(name) ?? (groupBy.includes(name) ? 'groupBy' : undefined)
      names.set(name, index)
      if (field.field === undefined && !WITHOUT_FIELD.includes(field.operation)) {
        return [{ pointer: `/fields/${index}`, message: `${field.operation} needs a field`, code: 'WC_SUMMARIZE' }]
      }
      if (other !== undefined) {
        return [{ pointer: `/fields/${index}`, message: `the result ${name} stands there twice; give one another name with as`, code: 'WC_SUMMARIZE' }]
      }
      return writingPathIssues(name, `/fields/${index}/${field.as === undefined ? 'field' : 'as'}`)
    })
  ]
}

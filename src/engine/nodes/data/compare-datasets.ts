import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { OutputItem } from '../../item.ts'
import { STATIC } from '../../schemas.ts'
import { canonicalText } from '../../../lib/canonical-text.ts'
import { fieldPath, fieldPaths, readingPath, writingPathIssues } from '../field-path.ts'
import { numberInputs } from '../merge-combine.ts'
import type { Source } from '../merge-combine.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { parsePath, readPath, write } from '../paths.ts'
import type { Path, Write } from '../paths.ts'
import { differencesBetween } from './differences.ts'

const CompareParameters = Type.Object({
  keys: Type.Array(Type.Object({
    a: fieldPath('Field of a', 'The field of the items of input a.'),
    b: Type.Optional(fieldPath('Field of b', 'The field of the items of input b; by default the same.'))
  }, { additionalProperties: false }), { title: 'Keys', description: 'Items whose keys are all equal belong together.', minItems: 1, maxItems: 10, ...STATIC }),
  fields: Type.Optional(fieldPaths('Fields', 'What to compare of them; by default everything.', { minItems: 1 })),
  ignore: Type.Optional(fieldPaths('Ignore', 'What not to compare.', { examples: [['updatedAt']] })),
  loose: Type.Optional(Type.Boolean({ title: 'Loose', description: 'Compare across types, keys too: "5" equals 5.', default: false, ...STATIC })),
  ignoreCase: Type.Optional(Type.Boolean({ title: 'Ignore case', description: 'Compare text without regard to case; not that of keys.', default: false, ...STATIC }))
}, { additionalProperties: false })

type CompareParameters = Static<typeof CompareParameters>

export const compareDatasets = defineNode({
  type: 'compareDatasets',
  title: 'Compare datasets',
  description: 'Finds what two lists of items have in common and where they differ.',
  icon: 'diff',
  category: 'data',
  effects: 'none',
  parameters: CompareParameters,
  inputs: ['a', 'b'],
  outputs: ['inAOnly', 'same', 'different', 'inBOnly'],
  check: parameters => checkCompare(parameters as CompareParameters),
  run ({ inputs, parameters }) {
    const given = parameters(0)
    const [a, b] = numberInputs([inputs['a'] ?? [], inputs['b'] ?? []]) as [Source[], Source[]]
    return { outputs: compareLists(a, b, given) }
  }
})

function compareLists (a: readonly Source[], b: readonly Source[], parameters: CompareParameters): Record<'inAOnly' | 'same' | 'different' | 'inBOnly', OutputItem[]> {
  const { keys, loose = false } = parameters
  const keysOfA = keys.map(key => parsePath(key.a))
  const partners = queuesByKey(b, keys.map(key => readingPath(key.b ?? key.a)), loose)
  const differences = differencesBetween(parameters)
  const matched = new Set<Source>()
  const inAOnly: OutputItem[] = []
  const same: OutputItem[] = []
  const different: OutputItem[] = []
  for (const left of a) {
    const right = partners.get(keyOf(left, keysOfA, loose) ?? '')?.next()
    if (right === undefined) {
      inAOnly.push({ from: left.position })
      continue
    }
    matched.add(right)
    const from = [left.position, right.position]
    const found = differences(left.item.json, right.item.json)
    if (found.length === 0) same.push({ from })
    else different.push({ from, json: { key: keyFields(left, keysOfA), differences: found, a: left.item.json, b: right.item.json } })
  }
  return { inAOnly, same, different, inBOnly: b.filter(source => !matched.has(source)).map(({ position }) => ({ from: position })) }
}

/** Of several items with one key, the first of a goes with the first of b, the second with the second, and so on. */
class Queue {
  readonly #sources: Source[] = []
  #taken = 0
  add (source: Source): void { this.#sources.push(source) }
  next (): Source | undefined { return this.#sources[this.#taken++] }
}

function queuesByKey (sources: readonly Source[], paths: readonly Path[], loose: boolean): ReadonlyMap<string, Queue> {
  const queues = new Map<string, Queue>()
  for (const source of sources) {
    const key = keyOf(source, paths, loose)
    if (key === null) continue
    let queue = queues.get(key)
    if (queue === undefined) queues.set(key, queue = new Queue())
    queue.add(source)
  }
  return queues
}

/** Null where one of the fields is missing: such an item equals nothing, as in SQL. */
function keyOf ({ item }: Source, paths: readonly Path[], loose: boolean): string | null {
  const parts: string[] = []
  for (const path of paths) {
    const value = readPath(item.json, path)
    if (value === undefined || value === null) return null
    parts.push(loose && typeof value !== 'object' ? JSON.stringify(String(value)) : canonicalText(value))
  }
  return parts.join('\n')
}

function keyFields ({ item }: Source, paths: readonly Path[]): Record<string, unknown> {
  return write({}, paths.map((path): Write => [path, readPath(item.json, path)]))
}

function checkCompare ({ keys, fields, ignore }: CompareParameters): readonly ParameterIssue[] {
  const issues = keys.flatMap(({ a }, index) => writingPathIssues(a, `/keys/${index}/a`))
  if (fields === undefined || ignore === undefined) return issues
  return [...issues, { pointer: '/ignore', message: 'give fields or ignore, not both', code: 'WC_COMPARE' }]
}

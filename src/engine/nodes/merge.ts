import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { oneOf, STATIC } from '../schemas.ts'
import { fieldPath } from './field-path.ts'
import { mergeByKey } from './merge-by-key.ts'
import { chooseBranch, combine, combineByPosition, allPairs, concatenate, numberInputs } from './merge-combine.ts'
import type { Source } from './merge-combine.ts'
import { defineNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'
import type { OutputItem } from '../item.ts'

const MAX_INPUTS = 26
const DEFAULT_INPUTS = 2
const modes = ['append', 'combineByPosition', 'combineByKey', 'allPairs', 'chooseBranch'] as const

const MergeParameters = Type.Object({
  mode: Type.Optional(oneOf(modes, { title: 'Mode', description: 'How the inputs become one list.', default: 'append', ...STATIC })),
  inputs: Type.Optional(Type.Integer({
    title: 'Inputs', description: 'How many inputs there are; they are called a, b, c and so on.', minimum: 2, maximum: MAX_INPUTS, default: DEFAULT_INPUTS, ...STATIC
  })),
  key: Type.Optional(fieldPath('Key', 'combineByKey: the field whose values must be equal, where it has the same name in both inputs.')),
  keyA: Type.Optional(fieldPath('Key of a', 'combineByKey: the field of input a.')),
  keyB: Type.Optional(fieldPath('Key of b', 'combineByKey: the field of input b.')),
  join: Type.Optional(oneOf(['inner', 'left', 'right', 'outer'], {
    title: 'Join',
    description: 'combineByKey: which items without a partner stay: none, those of a, those of b, or both. combineByPosition: inner (up to the shortest) or outer (up to the longest).',
    default: 'inner',
    ...STATIC
  })),
  clash: Type.Optional(oneOf(['preferB', 'preferA', 'suffix'], {
    title: 'Clash', description: 'Which value wins where items share a field; suffix keeps all, as field_a and field_b.', default: 'preferB', ...STATIC
  })),
  branch: Type.Optional(Type.String({
    title: 'Branch', description: 'chooseBranch: the input to take; by default the first that has items.', pattern: '^[a-z]$', ...STATIC
  })),
  wait: Type.Optional(Type.Union([Type.Literal('all', { title: 'All' }), Type.Literal('any', { title: 'Any' }), Type.Integer({ title: 'So many', minimum: 1, maximum: MAX_INPUTS })], {
    title: 'Wait', description: 'For all inputs that can still come, for any one, or for this many.', default: 'all', ...STATIC
  }))
}, { additionalProperties: false })

type MergeParameters = Static<typeof MergeParameters>

export const merge = defineNode({
  type: 'merge',
  title: 'Merge',
  description: 'Brings branches together.',
  icon: 'merge',
  category: 'flow',
  effects: 'none',
  parameters: MergeParameters,
  inputs: inputNames,
  check: parameters => checkMerge(parameters as MergeParameters),
  run ({ inputs, parameters }) {
    // Nothing in them is an expression, so they are the same for all items.
    const given = parameters(0)
    const names = inputNames(given)
    return { outputs: { main: mergeItems(numberInputs(names.map(name => inputs[name] ?? [])), names, given) } }
  }
})

function mergeItems (sources: readonly Source[][], names: readonly string[], parameters: MergeParameters): readonly OutputItem[] {
  const { mode = 'append', join = 'inner', clash = 'preferB', branch } = parameters
  const combined = (group: readonly (Source | undefined)[]): OutputItem => combine(group, names, clash)
  switch (mode) {
    case 'append': return concatenate(sources)
    case 'chooseBranch': return chooseBranch(sources, branch === undefined ? undefined : names.indexOf(branch))
    case 'combineByPosition': return combineByPosition(sources, join === 'outer').map(combined)
    case 'allPairs': return allPairs(sources).map(combined)
    case 'combineByKey': return mergeByKey(sources, keysOf(parameters), join).map(combined)
  }
}

function keysOf ({ key = '', keyA = key, keyB = key }: MergeParameters): readonly [string, string] {
  return [keyA, keyB]
}

// Asked also about drafts that do not fit the schema yet.
function inputNames ({ inputs }: Readonly<Record<string, unknown>>): readonly string[] {
  const valid = typeof inputs === 'number' && Number.isInteger(inputs) && inputs >= 2 && inputs <= MAX_INPUTS
  return Array.from({ length: valid ? inputs : DEFAULT_INPUTS }, (_, index) => String.fromCharCode(97 + index))
}

function checkMerge (parameters: MergeParameters): readonly ParameterIssue[] {
  const { mode = 'append', inputs = DEFAULT_INPUTS, key, keyA, keyB, join = 'inner', branch, wait } = parameters
  const issues: ParameterIssue[] = []
  const report = (pointer: string, message: string): void => { issues.push({ pointer, message, code: 'WC_MERGE' }) }
  if (mode === 'combineByKey') {
    const separate = keyA !== undefined && keyB !== undefined
    const either = keyA !== undefined || keyB !== undefined
    if (key === undefined ? !separate : either) report('', 'combineByKey needs either key, or both keyA and keyB')
    if (inputs !== 2) report('/inputs', 'combineByKey joins exactly two inputs')
  }
  if (mode === 'combineByPosition' && (join === 'left' || join === 'right')) {
    report('/join', 'combineByPosition knows inner and outer only')
  }
  const names = inputNames({ inputs })
  if (branch !== undefined && !names.includes(branch)) report('/branch', `the inputs are ${names.join(', ')}`)
  if (typeof wait === 'number' && wait > inputs) report('/wait', `there are only ${inputs} inputs to wait for`)
  return issues
}

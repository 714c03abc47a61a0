import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { parseDuration } from '../../../lib/duration.ts'
import type { OutputItem } from '../../item.ts'
import { anyValue, duration, oneOf, STATIC } from '../../schemas.ts'
import { canonicalText } from '../../../lib/canonical-text.ts'
import { fieldPaths, readingPath } from '../field-path.ts'
import { withItemIndex } from '../http-errors.ts'
import { defineNode } from '../node-type.ts'
import type { KeyMemory, NodeContext, ParameterIssue } from '../node-type.ts'
import { readPath } from '../paths.ts'

const DEFAULT_MAXIMUM = 10_000

const RemoveDuplicatesParameters = Type.Object({
  across: Type.Optional(oneOf(['run', 'executions'], {
    title: 'Across', description: 'run: compare the items that arrive together. executions: also leave out what an earlier execution has passed on.', default: 'run', ...STATIC
  })),
  by: Type.Optional(oneOf(['item', 'fields', 'key'], { title: 'By', description: 'What makes items equal: all of them, some fields, or an expression.', default: 'item', ...STATIC })),
  fields: Type.Optional(fieldPaths('Fields', 'by fields: items are equal if all of these are.', { minItems: 1 })),
  key: Type.Optional(anyValue({ title: 'Key', description: 'by key: items are equal if this is. An item for which it is null or missing equals no other.', examples: ['{{ $json.email.toLowerCase() }}'] })),
  memory: Type.Optional(oneOf(['node', 'workflow'], {
    title: 'Memory', description: 'executions: whether the node remembers for itself, or shares what it knows with the others of its workflow that say so too.', default: 'node', ...STATIC
  })),
  window: Type.Optional(duration({ title: 'Window', description: 'executions: how long a key is remembered; without it, until there are too many.', examples: ['24h', '30d'], ...STATIC })),
  maximum: Type.Optional(Type.Integer({
    title: 'Largest memory', description: 'executions: how many keys are remembered, the newest; up to a tenth more at times.', minimum: 1, maximum: 100_000, default: DEFAULT_MAXIMUM, ...STATIC
  }))
}, { additionalProperties: false })

type RemoveDuplicatesParameters = Static<typeof RemoveDuplicatesParameters>

export const removeDuplicates = defineNode({
  type: 'removeDuplicates',
  title: 'Remove duplicates',
  description: 'Passes each item on once: of those that arrive together, or of all executions.',
  icon: 'copy-minus',
  category: 'data',
  // Its keys are claimed in the database; what led to them must be on record before.
  effects: 'idempotent',
  effectsOf: ({ across }) => across === 'executions' ? 'idempotent' : 'none',
  parameters: RemoveDuplicatesParameters,
  outputs: ['kept', 'discarded'],
  check: parameters => checkRemoveDuplicates(parameters as RemoveDuplicatesParameters),
  run (context) {
    const given = context.parameters(0)
    const keys = keysOf(context, given)
    const first = firstsOf(keys)
    if (given.across !== 'executions') return split(keys, first, () => true)
    const memory = memoryOf(context.nodeId, given)
    return context.claimKeys(memory, [...first.keys()]).then(free => split(keys, first, key => free.has(key)))
  }
})

/** Null: equals no other. */
type Key = string | null

function keysOf ({ items, parameters }: NodeContext<RemoveDuplicatesParameters>, { by = 'item', fields = [] }: RemoveDuplicatesParameters): readonly Key[] {
  const paths = fields.map(readingPath)
  switch (by) {
    case 'item': return items.map(({ json }) => canonicalText(json))
    case 'fields': return items.map(({ json }) => paths.map(path => canonicalText(readPath(json, path) ?? null)).join('\n'))
    case 'key': return items.map((_item, index) => {
      try {
        const { key } = parameters(index)
        return key === undefined || key === null ? null : canonicalText(key)
      } catch (error) {
        throw withItemIndex(error, index)
      }
    })
  }
}

/** Where each key stands first. */
function firstsOf (keys: readonly Key[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>()
  keys.forEach((key, index) => { if (key !== null && !first.has(key)) first.set(key, index) })
  return first
}

function split (keys: readonly Key[], first: ReadonlyMap<string, number>, isNew: (key: string) => boolean) {
  const kept: OutputItem[] = []
  const discarded: OutputItem[] = []
  keys.forEach((key, from) => {
    const side = key === null || (first.get(key) === from && isNew(key)) ? kept : discarded
    side.push({ from })
  })
  return { outputs: { kept, discarded } }
}

function memoryOf (nodeId: string, { memory = 'node', window, maximum = DEFAULT_MAXIMUM }: RemoveDuplicatesParameters): KeyMemory {
  return { name: memory === 'node' ? `node:${nodeId}` : 'workflow', keepFor: window === undefined ? null : parseDuration(window), keepAtMost: maximum }
}

function checkRemoveDuplicates ({ across = 'run', by = 'item', fields, key, memory, window, maximum }: RemoveDuplicatesParameters): readonly ParameterIssue[] {
  const issues: ParameterIssue[] = []
  const report = (pointer: string, message: string): void => { issues.push({ pointer, message, code: 'WC_REMOVE_DUPLICATES' }) }
  if ((by === 'fields') !== (fields !== undefined)) report('/fields', 'fields goes with by: fields, and by: fields needs it')
  if ((by === 'key') !== (key !== undefined)) report('/key', 'key goes with by: key, and by: key needs it')
  if (across === 'run') {
    for (const [name, value] of Object.entries({ memory, window, maximum })) if (value !== undefined) report(`/${name}`, `${name} goes with across: executions`)
  }
  return issues
}

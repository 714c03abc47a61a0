import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, readingPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { patternProblem } from '../patterns.ts'
import { isReservedName } from '../paths.ts'
import { eachItem } from './each-item.ts'
import { listedRenames, patternRenames } from './renaming.ts'

const RenameKeysParameters = Type.Object({
  keys: Type.Optional(Type.Array(Type.Object({
    from: fieldPath('From', 'The field to rename; a dot leads into an object.', { examples: ['e_mail', 'customer.nm'] }),
    to: Type.String({ title: 'To', description: 'Its new name, in the same place.', minLength: 1, maxLength: 256, pattern: '^[^.]+$', examples: ['email', 'name'], ...STATIC })
  }, { additionalProperties: false }), { title: 'Keys', description: 'Fields and their new names.', minItems: 1, maxItems: 100, ...STATIC })),
  patterns: Type.Optional(Type.Array(Type.Object({
    pattern: Type.String({ title: 'Pattern', description: 'A regular expression of RE2; every match in a name is replaced.', minLength: 1, maxLength: 1000, examples: ['^shipping_', '_(\\w)'], ...STATIC }),
    replacement: Type.Optional(Type.String({ title: 'Replacement', description: 'What stands in its place; $1 is the first group.', default: '', maxLength: 256, ...STATIC })),
    ignoreCase: Type.Optional(Type.Boolean({ title: 'Ignore case', description: 'Match without regard to case.', default: false, ...STATIC }))
  }, { additionalProperties: false }), { title: 'Patterns', description: 'Applied one after the other, after the keys above.', minItems: 1, maxItems: 20, ...STATIC })),
  depth: Type.Optional(oneOf(['top', 'all'], { title: 'Depth', description: 'Whether patterns rename the fields of the item only, or those of objects within it too.', default: 'top', ...STATIC }))
}, { additionalProperties: false })

type RenameKeysParameters = Static<typeof RenameKeysParameters>

export const renameKeys = defineNode({
  type: 'renameKeys',
  title: 'Rename fields',
  description: 'Gives fields other names, and leaves their values and their order.',
  icon: 'text-cursor-input',
  category: 'data',
  effects: 'none',
  parameters: RenameKeysParameters,
  check: parameters => checkRenameKeys(parameters as RenameKeysParameters),
  run (context) {
    // Nothing in them is an expression, so they are the same for all items.
    const { keys = [], patterns = [], depth = 'top' } = context.parameters(0)
    const byList = listedRenames(keys.map(({ from, to }) => ({ path: readingPath(from), to })))
    const byPattern = patternRenames(patterns, depth === 'all')
    return eachItem(context, (_parameters, { json }, from) => ({ from, json: byPattern(byList(json)) }))
  }
})

function checkRenameKeys ({ keys, patterns }: RenameKeysParameters): readonly ParameterIssue[] {
  if (keys === undefined && patterns === undefined) return [{ pointer: '', message: 'give keys, patterns or both', code: 'WC_RENAME_KEYS' }]
  return [
    ...(keys ?? []).flatMap(({ from, to }, index) => [
      ...writingPathIssues(from, `/keys/${index}/from`),
      ...(isReservedName(to) ? [{ pointer: `/keys/${index}/to`, message: `${to} cannot be written to`, code: 'WC_FIELD_PATH' }] : [])
    ]),
    ...(patterns ?? []).flatMap(({ pattern }, index) => {
      const message = patternProblem(pattern)
      return message === null ? [] : [{ pointer: `/patterns/${index}/pattern`, message, code: 'WC_PATTERN' }]
    })
  ]
}

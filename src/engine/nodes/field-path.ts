import { Type } from '@sinclair/typebox'
import type { SchemaOptions, TString } from '@sinclair/typebox'
import { STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'
import { pathProblem } from './paths.ts'
import type { Path } from './paths.ts'

/** The schema of a path that names a field: `id`, `customer.id`, `lines.0.price`. */
export function fieldPath (title: string, description: string, options: SchemaOptions = {}): TString {
  return Type.String({ title, description, minLength: 1, maxLength: 256, examples: ['id', 'customer.id'], ...STATIC, ...options })
}

/** The schema of a list of such paths. */
export function fieldPaths (title: string, description: string, options: SchemaOptions & { minItems?: number } = {}) {
  return Type.Array(fieldPath('Field', 'A dot leads into an object or a list.'), { title, description, maxItems: 100, uniqueItems: true, ...STATIC, ...options })
}

/** A path that is only read from: any names will do, since only own properties are followed. */
export function readingPath (text: string): Path {
  return text.split('.')
}

/** For paths that will be written to; what is not text, or still an expression, is judged elsewhere. */
export function writingPathIssues (text: unknown, pointer: string): readonly ParameterIssue[] {
  if (typeof text !== 'string' || text.includes('{{')) return []
  const message = pathProblem(text)
  return message === null ? [] : [{ pointer, message, code: 'WC_FIELD_PATH' }]
}

import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { compileJsonSchema, JsonSchemaError } from '../../lib/json-schema.ts'
import { anyValue, dictionary, STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'

const MAX_SCHEMA = 64 * 1024

const part = (title: string, description: string) => Type.Optional(dictionary(anyValue(), { title, description }))

/** JSON Schemas (draft 7) of the parts of a request. */
export const RequestSchema = Type.Object({
  body: part('Body', 'Of the body as the item has it.'),
  query: part('Query', 'Of the parameters; text counts as the number or boolean that it says.'),
  headers: part('Headers', 'Of the headers, by names in lower case.')
}, { additionalProperties: false, title: 'Schema', description: 'JSON Schemas that a request must fit: one that does not gets 422.', ...STATIC })

export type RequestSchema = Static<typeof RequestSchema>

export function schemaIssues (schema: RequestSchema | undefined): ParameterIssue[] {
  return Object.entries(schema ?? {}).flatMap(([name, part]) => {
    const why = whyUnusable(part, name !== 'body')
    return why === undefined ? [] : [{ pointer: `/schema/${name}`, message: why, code: 'WC_SCHEMA' }]
  })
}

function whyUnusable (schema: Readonly<Record<string, unknown>>, coerce: boolean): string | undefined {
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA) return `must have at most ${MAX_SCHEMA} bytes as JSON`
  try {
    compileJsonSchema(schema, { coerce })
    return undefined
  } catch (error) {
    if (error instanceof JsonSchemaError) return `cannot be used: ${error.message}`
    throw error
  }
}

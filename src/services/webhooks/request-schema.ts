import type { RequestSchema } from '../../engine/nodes/webhook-schema.ts'
import { compileJsonSchema, type JsonSchemaCheck } from '../../lib/json-schema.ts'
import type { InputError } from '../../lib/problem.ts'
import { InvalidInput } from '../problems.ts'

/** Throws InvalidInput where the trigger's item does not fit. */
export type SchemaCheck = (item: Readonly<Record<string, unknown>>, size: number) => void

/** In larger requests the first thing that does not fit is told, not all. Characters of JSON */
const THOROUGH = 100_000
const PARTS = ['body', 'query', 'headers'] as const

/** What the schemas of a webhook node say of a request, compiled once. They passed validation. */
export function compileRequestSchema (schemas: RequestSchema): SchemaCheck {
  const checks = PARTS.flatMap((name): Array<{ name: typeof PARTS[number], check: JsonSchemaCheck }> => {
    const schema = schemas[name]
    return schema === undefined ? [] : [{ name, check: compileJsonSchema(schema, { coerce: name !== 'body' }) }]
  })
  return (item, size) => {
    const errors = checks.flatMap(({ name, check }): InputError[] => {
      // Fields of text are taken for what they say in a copy: the item keeps the text.
      const value = name === 'body' ? item[name] : structuredClone(item[name])
      return check(value, size <= THOROUGH).map(error => ({ ...error, pointer: `/${name}${error.pointer}` }))
    })
    if (errors.length > 0) throw InvalidInput(errors)
  }
}

import { Ajv, type ErrorObject, type KeywordDefinition, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { RE2JS } from 're2js'
import { canonicalText } from './canonical-text.ts'
import { beginSteps, JsonSchemaTooCostly, meterKeyword, meterSchema, spendSteps, type Schema } from './json-schema-meter.ts'
import type { InputError } from './problem.ts'

/** Characters of a pattern that are tried on a character of text within the time of one step. */
const PATTERN_STEP = 32

// Patterns come from tenants: they run in linear time, or are refused.
const linearRegExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern)
    const steps = 1 + Math.floor(pattern.length / PATTERN_STEP)
    return {
      test (text: string) {
        spendSteps(text.length * steps)
        return compiled.matcher(text).find()
      }
    }
  },
  { code: 'linearRegExp' }
)

/** As Ajv's own, which compares each entry with each. */
const uniqueItems: KeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  error: { message: 'must NOT have duplicate items' },
  compile: (wanted: boolean) => (items: readonly unknown[]) => {
    if (!wanted) return true
    spendSteps(items.length)
    return new Set(items.map(canonicalText)).size === items.length
  }
}

/** Thrown for a JSON Schema that cannot be used. */
export class JsonSchemaError extends Error {}

export interface JsonSchemaOptions {
  /** Takes text for the number, boolean or null that it says, and one value for a list of one: for fields that are always text. The value is changed. */
  readonly coerce?: boolean
}

/** @param thorough whether to look for everything that does not fit, rather than for the first of it; for small values */
export type JsonSchemaCheck = (value: unknown, thorough?: boolean) => readonly InputError[]

const MAX_ERRORS = 50

/**
 * Compiles a JSON Schema (draft 7) that a tenant wrote. Each schema has a compiler of its own, so that no `$id` of one
 * is seen by another, and nothing is ever fetched. No value keeps the process: what takes too much work does not fit. Throws JsonSchemaError.
 */
export function compileJsonSchema (schema: Schema, options: JsonSchemaOptions = {}): JsonSchemaCheck {
  const first = compile(schema, options, false)
  let all: ValidateFunction | undefined
  return (value, thorough = true) => {
    try {
      beginSteps()
      if (first(value) === true) return []
      if (!thorough) return errorsOf(first)
      all ??= compile(schema, options, true)
      beginSteps()
      all(value)
      return errorsOf(all)
    } catch (error) {
      // The stack ends where references lead back to themselves.
      if (!(error instanceof JsonSchemaTooCostly) && !(error instanceof RangeError)) throw error
      return [{ pointer: '', message: 'takes too much work to check against the schema', code: 'WC_SCHEMA_COST' }]
    }
  }
}

function compile (schema: Schema, { coerce = false }: JsonSchemaOptions, allErrors: boolean): ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors, validateFormats: true, inlineRefs: false, coerceTypes: coerce ? 'array' : false, code: { regExp: linearRegExp as never }, logger: false })
  ;(formats as unknown as (ajv: Ajv) => void)(ajv)
  ajv.removeKeyword('uniqueItems').addKeyword(uniqueItems).addKeyword(meterKeyword)
  let validate: ValidateFunction
  // Its own rules for schemas have patterns, too.
  beginSteps()
  try {
    validate = ajv.compile(meterSchema(schema))
  } catch (error) {
    throw new JsonSchemaError(error instanceof Error ? error.message : String(error))
  }
  // It would answer with a promise, which is neither yes nor no.
  if ('$async' in validate) throw new JsonSchemaError('$async is not supported')
  return validate
}

function errorsOf ({ errors }: ValidateFunction): readonly InputError[] {
  return (errors ?? []).slice(0, MAX_ERRORS).map(toInputError)
}

function toInputError ({ instancePath, message, keyword, params }: ErrorObject): InputError {
  const missing: unknown = keyword === 'required' ? params['missingProperty'] : undefined
  return { pointer: typeof missing === 'string' ? `${instancePath}/${missing}` : instancePath, message: message ?? 'is not valid', code: keyword }
}

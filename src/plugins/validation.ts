import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv'
import formatsPlugin from 'ajv-formats'
import fp from 'fastify-plugin'
import { escapePointer } from '../lib/strict-json.ts'
import type { InputError } from '../lib/problem.ts'
import { InvalidInput } from '../services/problems.ts'

const MAX_ERRORS = 500
const MAX_NAME = 200
const MAX_EMAIL_LENGTH = 254
// ASCII only, so that JavaScript and PostgreSQL agree on lower case. Each label is bounded: no backtracking to speak of.
const EMAIL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,16}@(?:[a-z0-9-]{1,63}\.){1,16}[a-z0-9-]{1,63}$/i

/** Validates with all errors at once, each with a JSON pointer; nothing is stripped, and only parameters (always text) are coerced. */
export const validation = fp(async function validationPlugin (app) {
  const strict = createAjv(false)
  const coercing = createAjv(true)
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const compiled = compiledBy(httpPart === 'body' ? strict : coercing, schema)
    const prefix = httpPart === undefined || httpPart === 'body' ? '' : `/${httpPart === 'querystring' ? 'query' : httpPart}`
    return (data: unknown) => {
      const validate = compiled()
      return validate(data) ? { value: data } : { error: InvalidInput(inputErrors(validate, prefix)) }
    }
  })
}, { name: 'validation', fastify: '5.x' })

/** When it is first needed: a start would compile hundreds. */
function compiledBy (ajv: Ajv, schema: AnySchema): () => ValidateFunction {
  let validate: ValidateFunction | undefined
  return () => (validate ??= ajv.compile(schema))
}

function createAjv (coerceTypes: boolean): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    coerceTypes,
    removeAdditional: false,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    // Schemas are ours; without this the same $id in two routes would clash.
    addUsedSchema: false,
    // A hint for forms, not a check.
    formats: { password: true }
  })
  formatsPlugin.default(ajv, ['uuid', 'date-time', 'uri', 'uri-reference'])
  ajv.addFormat('email', { type: 'string', validate: text => text.length <= MAX_EMAIL_LENGTH && EMAIL.test(text) })
  return ajv
}

function inputErrors (validate: ValidateFunction, prefix: string): InputError[] {
  return ofOneForm(validate.errors ?? []).filter(error => error.keyword !== 'if').slice(0, MAX_ERRORS).map(error => inputError(error, prefix))
}

/**
 * Of a value that may have several forms, such as an object or null, what is wrong with the one that it has: that an object
 * is not null helps nobody.
 */
function ofOneForm (errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf')
  return unions.reduce((left, union) => {
    const formOf = ({ schemaPath }: ErrorObject): string | undefined => schemaPath.startsWith(`${union.schemaPath}/`) ? schemaPath.slice(union.schemaPath.length + 1).split('/')[0] : undefined
    const others = new Set(left.filter(error => error.keyword === 'type' && error.instancePath === union.instancePath).map(formOf))
    const own = new Set(left.map(formOf).filter(form => form !== undefined && !others.has(form)))
    if (own.size === 0) return left
    return left.filter(error => {
      const form = formOf(error)
      return error === union ? own.size > 1 : form === undefined || own.has(form)
    })
  }, errors)
}

const CODES: Readonly<Record<string, string>> = {
  type: 'WC_WRONG_TYPE', enum: 'WC_INVALID_VALUE', const: 'WC_INVALID_VALUE', anyOf: 'WC_INVALID_VALUE', format: 'WC_INVALID_FORMAT', pattern: 'WC_INVALID_FORMAT'
}

function inputError ({ keyword, instancePath, params, message = 'is not valid' }: ErrorObject, prefix: string): InputError {
  const pointer = prefix + instancePath
  if (keyword === 'required') return { pointer: `${pointer}/${escapePointer(String(params['missingProperty']))}`, message: 'is required', code: 'WC_REQUIRED' }
  if (keyword === 'additionalProperties') {
    return { pointer: `${pointer}/${escapePointer(String(params['additionalProperty']).slice(0, MAX_NAME))}`, message: 'is not a known property', code: 'WC_UNKNOWN_PROPERTY' }
  }
  if (keyword === 'enum') return { pointer, message: `must be one of ${JSON.stringify(params['allowedValues']).slice(1, -1)}`, code: 'WC_INVALID_VALUE' }
  if (keyword === 'pattern' && params['pattern'] === '\\S') return { pointer, message: 'must not be blank', code: 'WC_INVALID_FORMAT' }
  return { pointer, message, code: CODES[keyword] ?? 'WC_OUT_OF_RANGE' }
}

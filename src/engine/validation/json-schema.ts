import { hasExpression } from '../expression/index.ts'
import { checkNumber, checkString, compiledPattern } from './json-scalars.ts'
import { didYouMean } from './nearest.ts'
import { MAX_ISSUES, quote, step, type Issue } from './report.ts'

/** The part of JSON Schema that node types and the workflow itself are written in. */
export type Schema = Readonly<Record<string, unknown>>

const KEYWORDS = new Set([
  'type', 'properties', 'required', 'additionalProperties', 'patternProperties', 'minProperties', 'maxProperties',
  'items', 'minItems', 'maxItems', 'uniqueItems', 'anyOf', 'const', 'enum',
  'minLength', 'maxLength', 'pattern', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'
])
const ANNOTATIONS = new Set(['title', 'description', 'default', 'examples', 'deprecated', '$id', '$comment', 'contentMediaType', 'writeOnly'])

export interface CheckOptions {
  /** Whether text with `{{` stands for any value, except below `x-expression: false`. */
  readonly expressions: boolean
}

export interface Checked {
  readonly issues: readonly Issue[]
  /** Whether an expression stands where an object or a list belongs, so that nothing is known of what is in it. */
  readonly opaque: boolean
}

/**
 * Every way in which a value does not fit. Written for this purpose, since general validators cannot accept
 * an expression in place of any type, and report each variant of a union where a person wants the nearest.
 */
export function checkSchema (schema: Schema, value: unknown, pointer: string, { expressions }: CheckOptions): Checked {
  const context: Context = { issues: [], expressions, forbidden: false, opaque: false }
  checkValue(schema, value, pointer, context)
  return context
}

interface Context {
  readonly issues: Issue[]
  expressions: boolean
  forbidden: boolean
  opaque: boolean
}

function holdsExpression (value: unknown): value is string {
  return typeof value === 'string' && hasExpression(value)
}

function checkValue (schema: Schema, value: unknown, pointer: string, context: Context): void {
  assertKnown(schema)
  if (context.expressions && schema['x-literal'] === true) {
    context.expressions = false
    checkValue(schema, value, pointer, context)
    context.expressions = true
    return
  }
  if (context.expressions && !context.forbidden && schema['x-expression'] === false) {
    reportExpressions(value, pointer, context.issues)
    context.forbidden = true
    checkValue(schema, value, pointer, context)
    context.forbidden = false
    return
  }
  if (context.expressions && holdsExpression(value)) {
    if (!context.forbidden && ['object', 'array'].includes(schema['type'] as string)) context.opaque = true
    return
  }
  if (Array.isArray(schema['anyOf'])) return checkUnion(schema['anyOf'] as Schema[], value, pointer, context)
  const { type } = schema
  if (typeof type === 'string' && !isOfType(type, value)) {
    return fail(context, pointer, 'WC_WRONG_TYPE', `must be ${TYPE_NAMES[type] ?? type}, not ${nameOf(value)}`)
  }
  if ('const' in schema && value !== schema['const']) return fail(context, pointer, 'WC_INVALID_VALUE', `must be ${quote(schema['const'])}`)
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) {
    return fail(context, pointer, 'WC_INVALID_VALUE', `must be ${alternatives(schema['enum'].map(quote))}`)
  }
  if (type === 'object') checkObject(schema, value as Record<string, unknown>, pointer, context)
  else if (type === 'array') checkArray(schema, value as unknown[], pointer, context)
  else if (type === 'string') checkString(schema, value as string, (code, message) => fail(context, pointer, code, message))
  else if (type === 'number' || type === 'integer') checkNumber(schema, value as number, (code, message) => fail(context, pointer, code, message))
}

function checkObject (schema: Schema, value: Record<string, unknown>, pointer: string, context: Context): void {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>
  const patterns = Object.entries((schema['patternProperties'] ?? {}) as Record<string, Schema>)
  const rest = schema['additionalProperties'] as boolean | Schema | undefined
  for (const name of (schema['required'] ?? []) as string[]) {
    if (!Object.hasOwn(value, name)) fail(context, pointer + step(name), 'WC_REQUIRED', 'is required')
  }
  const names = Object.keys(value)
  checkCount(names.length, schema['minProperties'], schema['maxProperties'], 'properties', pointer, context)
  for (const name of names) {
    if (context.issues.length > MAX_ISSUES) return
    const at = pointer + step(name)
    const matching = patterns.filter(([pattern]) => compiledPattern(pattern, 'su').test(name)).map(([, inner]) => inner)
    if (Object.hasOwn(properties, name)) checkValue(properties[name]!, value[name], at, context)
    for (const inner of matching) checkValue(inner, value[name], at, context)
    if (Object.hasOwn(properties, name) || matching.length > 0) continue
    if (rest === false) fail(context, at, 'WC_UNKNOWN_PROPERTY', `is not a known property${didYouMean(name, Object.keys(properties))}`)
    else if (typeof rest === 'object') checkValue(rest, value[name], at, context)
  }
}

function checkArray (schema: Schema, value: readonly unknown[], pointer: string, context: Context): void {
  checkCount(value.length, schema['minItems'], schema['maxItems'], 'entries', pointer, context)
  if (typeof schema['maxItems'] === 'number' && value.length > schema['maxItems']) return
  if (schema['uniqueItems'] === true && new Set(value.map(item => JSON.stringify(item))).size < value.length) {
    fail(context, pointer, 'WC_DUPLICATE_ENTRY', 'must not repeat an entry')
  }
  const items = schema['items'] as Schema | undefined
  if (items === undefined) return
  for (let index = 0; index < value.length && context.issues.length <= MAX_ISSUES; index++) {
    checkValue(items, value[index], pointer + step(index), context)
  }
}

/** Reports what is wrong with the variant that the value was meant to be; where it is like none, what it may be. */
function checkUnion (variants: readonly Schema[], value: unknown, pointer: string, context: Context): void {
  const attempts = variants.map(variant => {
    const attempt: Context = { ...context, issues: [], opaque: false }
    checkValue(variant, value, pointer, attempt)
    return attempt
  })
  const fitting = attempts.find(({ issues }) => issues.length === 0)
  if (fitting !== undefined) {
    context.opaque ||= fitting.opaque
    return
  }
  const misfits = attempts.map(({ issues }) => issues.find(issue => issue.pointer === pointer && MISFITS.has(issue.code)))
  const inside = attempts.filter((_, index) => misfits[index] === undefined)
  if (inside.length > 0) {
    context.issues.push(...inside.reduce((a, b) => b.issues.length < a.issues.length ? b : a).issues)
    return
  }
  const said = misfits.flatMap(issue => issue === undefined ? [] : [issue.message.replace(/^must be |, not .*$/g, '')])
  const code = misfits.some(issue => issue?.code === 'WC_INVALID_VALUE') ? 'WC_INVALID_VALUE' : 'WC_WRONG_TYPE'
  fail(context, pointer, code, `must be ${alternatives([...new Set(said)])}`)
}

function alternatives (names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
}

const MISFITS = new Set(['WC_WRONG_TYPE', 'WC_INVALID_VALUE'])

function checkCount (count: number, least: unknown, most: unknown, what: string, pointer: string, context: Context): void {
  if (typeof least === 'number' && count < least) fail(context, pointer, 'WC_OUT_OF_RANGE', `must have at least ${least} ${what}`)
  if (typeof most === 'number' && count > most) fail(context, pointer, 'WC_OUT_OF_RANGE', `must have at most ${most} ${what}`)
}

function reportExpressions (value: unknown, pointer: string, issues: Issue[]): void {
  const queue: [value: unknown, pointer: string][] = [[value, pointer]]
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const [at, where] = entry
    if (issues.length > MAX_ISSUES) return
    if (holdsExpression(at)) {
      issues.push({ pointer: where, code: 'WC_EXPRESSION_NOT_ALLOWED_HERE', message: 'is read before anything runs and cannot hold an expression' })
    } else if (typeof at === 'object' && at !== null) {
      for (const [key, inner] of Object.entries(at)) queue.push([inner, where + step(key)])
    }
  }
}

function fail (context: Context, pointer: string, code: string, message: string): void {
  if (context.issues.length <= MAX_ISSUES) context.issues.push({ pointer, code, message })
}

export const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'an object', array: 'a list', string: 'text', number: 'a number', integer: 'a whole number', boolean: 'true or false', null: 'null'
}

function nameOf (value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number too large to hold'
  return TYPE_NAMES[typeof value] ?? typeof value
}

export function isPlainObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOfType (type: string, value: unknown): boolean {
  switch (type) {
    case 'object': return isPlainObject(value)
    case 'array': return Array.isArray(value)
    case 'integer': return Number.isInteger(value)
    case 'number': return Number.isFinite(value)
    case 'null': return value === null
    case 'string': return typeof value === 'string'
    case 'boolean': return typeof value === 'boolean'
    default: throw new Error(`The JSON Schema type ${type} is not supported in node types`)
  }
}

const known = new WeakSet<Schema>()

/** A keyword that is silently ignored would let bad parameters through. */
function assertKnown (schema: Schema): void {
  if (known.has(schema)) return
  const keyword = unknownKeyword(schema)
  if (keyword !== undefined) throw new Error(`The JSON Schema keyword ${keyword} is not supported in node types`)
  known.add(schema)
}

export function unknownKeyword (schema: Schema): string | undefined {
  return Object.keys(schema).find(keyword => !KEYWORDS.has(keyword) && !ANNOTATIONS.has(keyword) && !keyword.startsWith('x-'))
}

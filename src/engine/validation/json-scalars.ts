import { quote } from './report.ts'

type Fail = (code: string, message: string) => void
type Schema = Readonly<Record<string, unknown>>

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

export const FORMATS: Readonly<Record<string, { readonly fits: (text: string) => boolean, readonly name: string }>> = {
  uuid: { fits: text => UUID.test(text), name: 'a UUID' },
  'date-time': { fits: text => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text)), name: 'a time such as 2030-01-31T09:30:00Z' },
  uri: { fits: text => URL.canParse(text), name: 'a full URL' }
}

const patterns = new Map<string, RegExp>()

export function checkString (schema: Schema, value: string, fail: Fail): void {
  const { minLength, maxLength, pattern, format } = schema
  if (typeof minLength === 'number' && value.length < minLength) {
    fail('WC_OUT_OF_RANGE', minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters`)
  }
  if (typeof maxLength === 'number' && lengthOf(value, maxLength) > maxLength) {
    // A pattern is not tried on text that is too long: it may be megabytes.
    return fail('WC_OUT_OF_RANGE', `must have at most ${maxLength} characters`)
  }
  if (typeof pattern === 'string' && !compiledPattern(pattern, 'u').test(value)) fail('WC_INVALID_FORMAT', formProblem(schema, pattern))
  if (typeof format === 'string') {
    const rule = FORMATS[format]
    if (rule === undefined) throw new Error(`The JSON Schema format ${format} is not supported in node types`)
    if (!rule.fits(value)) fail('WC_INVALID_FORMAT', `must be ${rule.name}`)
  }
}

export function checkNumber (schema: Schema, value: number, fail: Fail): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (typeof minimum === 'number' && value < minimum) fail('WC_OUT_OF_RANGE', `must be at least ${minimum}`)
  if (typeof maximum === 'number' && value > maximum) fail('WC_OUT_OF_RANGE', `must be at most ${maximum}`)
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) fail('WC_OUT_OF_RANGE', `must be more than ${exclusiveMinimum}`)
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) fail('WC_OUT_OF_RANGE', `must be less than ${exclusiveMaximum}`)
  if (typeof multipleOf === 'number' && value % multipleOf !== 0) fail('WC_OUT_OF_RANGE', `must be a multiple of ${multipleOf}`)
}

function formProblem (schema: Schema, pattern: string): string {
  if (pattern === '\\S') return 'must not be blank'
  const examples = Array.isArray(schema['examples']) ? schema['examples'].slice(0, 5).map(quote) : []
  if (examples.length > 0) return `does not have the form of ${examples.join(', ')}`
  return `must match ${pattern}`
}

/** In code points, as JSON Schema counts; not counted where it can make no difference. */
function lengthOf (text: string, limit: number): number {
  return text.length <= limit || text.length > 2 * limit ? text.length : [...text].length
}

/** Of schemas, which are ours: never of a client's text. */
export function compiledPattern (pattern: string, flags: 'u' | 'su'): RegExp {
  const key = flags + pattern
  let regex = patterns.get(key)
  if (regex === undefined) {
    regex = new RegExp(pattern, flags)
    patterns.set(key, regex)
  }
  return regex
}

import { allocateElements, own, typeFailure } from '../run.ts'
import { MAX_ELEMENTS } from '../limits.ts'
import { joinTexts, toInteger, toKey, toNumber, toText } from '../values/coerce.ts'
import { Builtin, call3, toCallable } from '../values/function.ts'
import { isPlainObject, KIND, kindOf } from '../values/kind.ts'
import { copyOwn, isOwnKey, setOwn } from '../values/own.ts'
import { GuestRegex } from '../values/regex.ts'
import { makeMap, makeSet, toElements } from './collections.ts'
import { keysOf, entriesOf, valuesOf, mergeData } from './object.ts'
import { makeRegex } from './regex.ts'
import { isUrl, makeSearchParams, makeUrl } from './url.ts'

type Args = readonly unknown[]

/** What `Object.keys` and its like look at: plain data, or nothing. */
function dataOf (value: unknown): Record<string, unknown> {
  if (isPlainObject(value)) return value
  const data = {}
  if (value === undefined || value === null) return typeFailure('Cannot take the keys of undefined or null')
  if (Array.isArray(value) || typeof value === 'string') copyOwn(data, toElements(value))
  return data
}

function fromEntries (args: Args): unknown {
  const data = own({})
  for (const pair of toElements(args[0])) {
    if (!Array.isArray(pair)) return typeFailure('Object.fromEntries takes a list of pairs')
    allocateElements(1)
    setOwn(data, toKey(pair[0]), pair[1])
  }
  return data
}

function groupBy (args: Args): unknown {
  const callback = toCallable(args[1])
  const groups = own({}) as Record<string, unknown[]>
  toElements(args[0]).forEach((element, index) => {
    const key = toKey(call3(callback, element, index, undefined))
    allocateElements(1)
    if (isOwnKey(groups, key)) groups[key]!.push(element)
    else setOwn(groups, key, own([element]))
  })
  return groups
}

const object = new Builtin('Object', {
  invoke: ([value]) => value ?? own({}),
  construct: ([value]) => value ?? own({}),
  methods: {
    keys: ([value]) => keysOf(dataOf(value)),
    values: ([value]) => valuesOf(dataOf(value)),
    entries: ([value]) => entriesOf(dataOf(value)),
    getOwnPropertyNames: ([value]) => keysOf(dataOf(value)),
    fromEntries,
    groupBy,
    assign: (sources) => mergeData(sources),
    freeze: ([value]) => value,
    hasOwn: ([value, key]) => isOwnKey(dataOf(value), toKey(key)),
    is: ([left, right]) => Object.is(left, right)
  },
  test: (value) => typeof value === 'object' && value !== null
})

/** Dense, whatever way it is made: there are no holes here. */
function makeArray (args: Args): unknown[] {
  if (args.length !== 1 || typeof args[0] !== 'number') return own([...args])
  return filled(toLength(args[0]))
}

function toLength (value: unknown): number {
  const length = toInteger(value)
  return length >= 0 ? length : typeFailure('The length of a list cannot be negative')
}

function filled (length: number): unknown[] {
  allocateElements(length)
  return own(new Array<unknown>(Math.min(length, MAX_ELEMENTS)).fill(undefined))
}

function from (args: Args): unknown {
  const [source, callback] = args
  const hasLength = isPlainObject(source)
  const elements = hasLength ? filled(toLength(isOwnKey(source, 'length') ? source.length : 0)) : [...toElements(source)]
  if (hasLength) for (let index = 0; index < elements.length; index++) if (isOwnKey(source, index)) elements[index] = source[index]
  allocateElements(elements.length)
  if (callback === undefined) return own(elements)
  const map = toCallable(callback)
  return own(elements.map((element, index) => call3(map, element, index, undefined)))
}

const array = new Builtin('Array', {
  invoke: makeArray,
  construct: makeArray,
  methods: { isArray: ([value]) => Array.isArray(value), of: (args) => own([...args]), from },
  test: Array.isArray
})

const number = new Builtin('Number', {
  invoke: (args) => args.length === 0 ? 0 : toNumber(args[0]),
  methods: {
    isInteger: ([value]) => Number.isInteger(value),
    isSafeInteger: ([value]) => Number.isSafeInteger(value),
    isFinite: ([value]) => Number.isFinite(value),
    isNaN: ([value]) => Number.isNaN(value),
    parseFloat: ([value]) => parseFloat(toText(value)),
    parseInt: ([value, radix]) => parseInt(toText(value), toInteger(radix, 0))
  },
  values: {
    MAX_SAFE_INTEGER: Number.MAX_SAFE_INTEGER,
    MIN_SAFE_INTEGER: Number.MIN_SAFE_INTEGER,
    MAX_VALUE: Number.MAX_VALUE,
    MIN_VALUE: Number.MIN_VALUE,
    EPSILON: Number.EPSILON,
    POSITIVE_INFINITY: Infinity,
    NEGATIVE_INFINITY: -Infinity,
    NaN
  }
})

function fromCodes (args: Args, convert: (code: number) => string): string {
  return joinTexts(args.map((code) => convert(toNumber(code))), '')
}

const string = new Builtin('String', {
  invoke: (args) => args.length === 0 ? '' : toText(args[0]),
  methods: {
    fromCharCode: (args) => fromCodes(args, (code) => String.fromCharCode(code)),
    fromCodePoint: (args) => fromCodes(args, (code) => {
      return code >= 0 && code <= 0x10ffff && Number.isInteger(code) ? String.fromCodePoint(code) : typeFailure('Not a code point')
    })
  }
})

function makeError (name: string): Builtin {
  const make = ([message]: Args): unknown => own({ name, message: message === undefined ? '' : toText(message) })
  return new Builtin(name, { invoke: make, construct: make, test: (value) => isPlainObject(value) && isOwnKey(value, 'name') && isOwnKey(value, 'message') })
}

const regex = {
  invoke: ([source, flags]: Args) => makeRegex(source, flags),
  construct: ([source, flags]: Args) => makeRegex(source, flags),
  test: (value: unknown) => value instanceof GuestRegex
}

export const TYPE_GLOBALS: Readonly<Record<string, unknown>> = {
  Object: object,
  Array: array,
  Number: number,
  String: string,
  Boolean: new Builtin('Boolean', { invoke: ([value]) => Boolean(value) }),
  RegExp: new Builtin('RegExp', regex),
  Set: new Builtin('Set', { construct: ([value]) => makeSet(value), test: (value) => kindOf(value) === KIND.set }),
  Map: new Builtin('Map', { construct: ([value]) => makeMap(value), test: (value) => kindOf(value) === KIND.map }),
  URL: new Builtin('URL', { construct: makeUrl, test: (value) => kindOf(value) === KIND.url, methods: { canParse: ([value]) => isUrl(toText(value)) } }),
  URLSearchParams: new Builtin('URLSearchParams', { construct: makeSearchParams, test: (value) => kindOf(value) === KIND.searchParams }),
  Error: makeError('Error'),
  TypeError: makeError('TypeError'),
  RangeError: makeError('RangeError')
}

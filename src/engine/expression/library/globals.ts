import { allocateText, spend, typeFailure } from '../run.ts'
import { toInteger, toNumber, toText } from '../values/coerce.ts'
import { Builtin } from '../values/function.ts'
import type { Native } from '../values/function.ts'
import { isEmptyValue } from './array-extensions.ts'
import { DATE_GLOBALS } from './global-dates.ts'
import { TYPE_GLOBALS } from './global-types.ts'
import { parseJson, stringify } from './json.ts'

const MATH_FUNCTIONS = ['abs', 'acos', 'asin', 'atan', 'atan2', 'cbrt', 'ceil', 'cos', 'exp', 'floor', 'log', 'log10', 'log1p', 'log2', 'pow', 'round', 'sign', 'sin', 'sqrt', 'tan', 'trunc'] as const

function mathFunctions (): Record<string, Native> {
  const methods: Record<string, Native> = {}
  for (const name of MATH_FUNCTIONS) {
    const compute: (a: number, b: number) => number = Math[name]
    methods[name] = (args) => compute(toNumber(args[0]), toNumber(args[1]))
  }
  return methods
}

/** `Math.max` of any number of arguments: the host's would put them all on its stack. */
function extreme (args: readonly unknown[], choose: (a: number, b: number) => number, start: number): number {
  spend(args.length >> 2)
  let best = start
  for (const value of args) best = choose(best, toNumber(value))
  return best
}

const max: Native = (args) => extreme(args, Math.max, -Infinity)
const min: Native = (args) => extreme(args, Math.min, Infinity)

const math = new Builtin('Math', {
  methods: { ...mathFunctions(), max, min, random: () => Math.random(), hypot: (args) => Math.sqrt(args.reduce<number>((sum, value) => sum + toNumber(value) ** 2, 0)) },
  values: { PI: Math.PI, E: Math.E, LN2: Math.LN2, LN10: Math.LN10, LOG2E: Math.LOG2E, LOG10E: Math.LOG10E, SQRT2: Math.SQRT2 }
})

const json = new Builtin('JSON', {
  methods: {
    stringify: ([value, replacer, space]) => stringify(value, replacer, space),
    parse: ([text]) => parseJson(text)
  }
})

function fn (name: string, invoke: Native): [string, Builtin] {
  return [name, new Builtin(name, { invoke })]
}

/** Text to text, the result no longer than `growth` times as long. */
function coding (name: string, growth: number, convert: (text: string) => string): [string, Builtin] {
  return fn(name, ([value]) => {
    const text = toText(value)
    allocateText(text.length * growth)
    try {
      return convert(text)
    } catch {
      return typeFailure(`${name} cannot take this text`)
    }
  })
}

const FUNCTIONS = Object.fromEntries([
  fn('parseInt', ([text, radix]) => parseInt(toText(text), toInteger(radix, 0))),
  fn('parseFloat', ([text]) => parseFloat(toText(text))),
  fn('isNaN', ([value]) => Number.isNaN(toNumber(value))),
  fn('isFinite', ([value]) => Number.isFinite(toNumber(value))),
  coding('encodeURIComponent', 9, encodeURIComponent),
  coding('encodeURI', 9, encodeURI),
  coding('decodeURIComponent', 1, decodeURIComponent),
  coding('decodeURI', 1, decodeURI),
  coding('escape', 6, escape),
  coding('unescape', 1, unescape),
  coding('btoa', 2, btoa),
  coding('atob', 1, atob),
  fn('$ifEmpty', ([value, fallback]) => isEmptyValue(value) ? fallback : value),
  fn('$not', ([value]) => !value),
  fn('$max', max),
  fn('$min', min),
  fn('$average', (args) => args.reduce<number>((sum, value) => sum + toNumber(value), 0) / args.length)
])

/** Names with a fixed meaning; those that depend on the scope are in compile/identifier.ts. */
export const GLOBALS: ReadonlyMap<string, unknown> = new Map(Object.entries({
  ...TYPE_GLOBALS,
  ...DATE_GLOBALS,
  ...FUNCTIONS,
  Math: math,
  JSON: json,
  undefined,
  NaN,
  Infinity
}))

/** Names whose first use loads the date library. */
export const DATE_NAMES: ReadonlySet<string> = new Set([...Object.keys(DATE_GLOBALS), '$now', '$today'])

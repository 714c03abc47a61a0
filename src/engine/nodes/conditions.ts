import { Type } from '@sinclair/typebox'
import type { Static, TObject } from '@sinclair/typebox'
import { anyValue, oneOf, STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'
import { compare, operatorNames } from './operators.ts'
import { fitsType, typed, valueTypes } from './value-types.ts'
import { patternProblem } from './patterns.ts'

const Rule = Type.Object({
  left: anyValue({ title: 'Left', description: 'The value to test, usually an expression.' }),
  operator: oneOf(operatorNames, { title: 'Operator', description: 'The test; some take no right side.', ...STATIC }),
  right: Type.Optional(anyValue({ title: 'Right', description: 'What to compare with; not used by tests of one value.' })),
  type: Type.Optional(oneOf(valueTypes, {
    title: 'Type', description: 'What the left side must be, if it is there: another type is an error. With loose it is converted first.', default: 'any', ...STATIC
  })),
  loose: Type.Optional(Type.Boolean({
    title: 'Loose', description: 'Compare across types: "5" equals 5, "true" is true.', default: false, ...STATIC
  })),
  ignoreCase: Type.Optional(Type.Boolean({
    title: 'Ignore case', description: 'Compare text without regard to case.', default: false, ...STATIC
  }))
}, { additionalProperties: false })

const Conditions = Type.Object({
  combine: Type.Optional(oneOf(['and', 'or'], {
    title: 'Combine', description: 'Whether all rules must hold, or one.', default: 'and', ...STATIC
  })),
  rules: Type.Array(Rule, { title: 'Rules', description: 'What to test, in this order.', minItems: 1, maxItems: 100 })
}, { title: 'Conditions', description: 'Rules to test; the alternative to one expression.', additionalProperties: false })

/** The two ways to say a condition; `conditionIssues` demands exactly one of them. */
export const conditionProperties = {
  condition: Type.Optional(anyValue({
    title: 'Condition', description: 'An expression; it holds when its value is truthy.', examples: ['{{ $json.total >= 100 }}']
  })),
  conditions: Type.Optional(Conditions)
}

type Condition = Static<TObject<typeof conditionProperties>>

/** Of evaluated parameters. */
export function holds ({ condition, conditions }: Condition): boolean {
  if (conditions === undefined) return Boolean(condition)
  const test = ({ left, operator, right, type = 'any', loose = false, ignoreCase = false }: Static<typeof Rule>): boolean =>
    compare(typed(left, type, loose), operator, right, { loose, ignoreCase })
  return conditions.combine === 'or' ? conditions.rules.some(test) : conditions.rules.every(test)
}

/** Of unevaluated parameters that fit the schema; `pointer` leads to what holds the condition. */
export function conditionIssues (parameters: Readonly<Record<string, unknown>>, pointer = ''): readonly ParameterIssue[] {
  const { condition, conditions } = parameters as Condition
  if ((condition === undefined) === (conditions === undefined)) {
    return [{ pointer, message: 'give exactly one of condition and conditions', code: 'WC_CONDITION' }]
  }
  if (conditions !== undefined) return conditions.rules.flatMap((rule, index) => ruleIssues(rule, `${pointer}/conditions/rules/${index}`))
  if (typeof condition !== 'string' || isOneExpression(condition)) return []
  return [{
    pointer: `${pointer}/condition`,
    message: 'this is text, not one expression in {{ }}, and text other than "" always holds',
    code: 'WC_CONDITION_CONSTANT',
    severity: 'warning'
  }]
}

function ruleIssues ({ operator, right, type = 'any' }: Static<typeof Rule>, pointer: string): readonly ParameterIssue[] {
  if (!fitsType(operator, type)) return [{ pointer: `${pointer}/operator`, message: `${operator} is no test of the type ${type}`, code: 'WC_CONDITION_OPERATOR' }]
  if ((operator !== 'matches' && operator !== 'notMatches') || typeof right !== 'string' || right.includes('{{')) return []
  const message = patternProblem(right)
  return message === null ? [] : [{ pointer: `${pointer}/right`, message, code: 'WC_CONDITION_PATTERN' }]
}

function isOneExpression (text: string): boolean {
  return text.startsWith('{{') && text.endsWith('}}') && !/\}\}.*\{\{/s.test(text)
}

import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { DateTime } from 'luxon'
import { luxon } from '../../expression/load.ts'
import { isZone } from '../../expression/values/zone.ts'
import { localeOf } from '../../locale.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import type { NodeContext, ParameterIssue } from '../node-type.ts'
import { parsePath, patchOf } from '../paths.ts'
import { amountOf, calculate, needs, operations, parts, roundings, units } from './date-operations.ts'
import { readDate, writeDate } from './date-formats.ts'
import { eachItem } from './each-item.ts'
import { localeIssues } from './locale-issues.ts'

const DEFAULT_FIELD = 'date'

const DateTimeParameters = Type.Object({
  operation: Type.Optional(oneOf(operations, {
    title: 'Operation',
    description: 'now: the current time. format: reads a date and writes it, in another form or zone. add, subtract: amount times unit. difference: from date to until, in units. extract: a part. startOf, endOf, round: to a unit.',
    default: 'format',
    ...STATIC
  })),
  date: Type.Optional(anyValue({ title: 'Date', description: 'Text (ISO 8601, RFC 2822, HTTP, SQL and others, or as the input format says) or milliseconds since 1970. Needed by all but now.', examples: ['{{ $json.createdAt }}'] })),
  inputFormat: Type.Optional(Type.String({ title: 'Input format', description: 'How to read the dates: tokens of luxon, unixSeconds or unixMilliseconds. By default by their looks.', maxLength: 128, examples: ['dd.MM.yyyy HH:mm', 'unixSeconds'] })),
  outputFormat: Type.Optional(Type.String({ title: 'Output format', description: 'How to write the date: tokens of luxon, iso, date, time, rfc2822, http, unixSeconds or unixMilliseconds.', default: 'iso', maxLength: 256, examples: ['yyyy-MM-dd', 'd MMMM yyyy', 'unixSeconds'] })),
  amount: Type.Optional(Type.Number({ title: 'Amount', description: 'add, subtract: how many units.', examples: [3] })),
  unit: Type.Optional(oneOf(units, { title: 'Unit', description: 'add, subtract, difference, startOf, endOf, round: of what size.', default: 'day' })),
  until: Type.Optional(anyValue({ title: 'Until', description: 'difference: the other date.' })),
  part: Type.Optional(oneOf(parts, { title: 'Part', description: 'extract: which part. Weekdays count from Monday, 1.', default: 'year' })),
  rounding: Type.Optional(oneOf(roundings, { title: 'Rounding', description: 'round: which way.', default: 'nearest', ...STATIC })),
  timeZone: Type.Optional(Type.String({ title: 'Time zone', description: 'Of dates that name none, and of the result. By default that of the workflow.', maxLength: 64, examples: ['Europe/Oslo', 'UTC'] })),
  locale: Type.Optional(Type.String({ title: 'Locale', description: 'The language of the names of months and days.', default: 'en-US', maxLength: 40, examples: ['de', 'nb'] })),
  field: Type.Optional(fieldPath('Field', 'Where the result goes.', { default: DEFAULT_FIELD, examples: ['dueAt'] }))
}, { additionalProperties: false })

export type DateTimeParameters = Static<typeof DateTimeParameters>

export const dateTime = defineNode({
  type: 'dateTime',
  title: 'Date and time',
  description: 'Reads, writes and calculates with dates.',
  icon: 'calendar-clock',
  category: 'data',
  effects: 'none',
  parameters: DateTimeParameters,
  check: parameters => checkDateTime(parameters as DateTimeParameters),
  run (context) {
    // One time for all items.
    const now = context.now()
    return eachItem(context, (parameters, { json }, from) => {
      const path = parsePath(parameters.field ?? DEFAULT_FIELD)
      return { from, patch: patchOf(json, [[path, resultOf(parameters, context, now)]]) }
    })
  }
})

function resultOf (parameters: DateTimeParameters, { timeZone }: NodeContext<DateTimeParameters>, now: number): unknown {
  const { operation = 'format', inputFormat, outputFormat = 'iso' } = parameters
  const zone = zoneOf(parameters.timeZone ?? timeZone)
  const locale = localeOf(String(parameters.locale ?? ''))
  const read = (value: unknown, pointer: string): DateTime => readDate(value, { zone, locale, format: inputFormat, pointer })
  const date = operation === 'now' ? luxon().DateTime.fromMillis(now, { zone, locale }) : read(parameters.date, '/date')
  const result = calculate(date, parameters, () => read(parameters.until, '/until'))
  if (typeof result !== 'object') return result
  if (!result.isValid) throw new NodeError('WC_DATE', 'The result is no date: it is too far away', { pointer: '/amount' })
  return writeDate(result, String(outputFormat))
}

function zoneOf (name: unknown): string {
  if (typeof name === 'string' && isZone(name)) return name
  throw new NodeError('WC_TIME_ZONE', `There is no time zone ${JSON.stringify(String(name).slice(0, 64))}`, { pointer: '/timeZone' })
}

function checkDateTime (parameters: DateTimeParameters): readonly ParameterIssue[] {
  const { operation = 'format', timeZone, locale, field, amount } = parameters
  const issues: ParameterIssue[] = [...localeIssues(locale), ...writingPathIssues(field, '/field')]
  for (const name of needs[operation]) {
    if (parameters[name] === undefined) issues.push({ pointer: `/${name}`, message: `${operation} needs ${name}`, code: 'WC_DATE_TIME' })
  }
  if (typeof amount === 'number' && amountOf(amount) === null) issues.push({ pointer: '/amount', message: 'this is more than there are dates', code: 'WC_DATE_TIME' })
  if (timeZone !== undefined && !timeZone.includes('{{') && !isZone(timeZone)) {
    issues.push({ pointer: '/timeZone', message: 'there is no such time zone; it is a name such as Europe/Oslo', code: 'WC_TIME_ZONE' })
  }
  return issues
}

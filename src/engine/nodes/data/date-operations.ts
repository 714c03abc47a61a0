import type { DateTime } from 'luxon'
import { NodeError } from '../../node-error.ts'
import { numberOf } from '../scalars.ts'
import type { DateTimeParameters } from './date-time.ts'
import { oneWord } from './evaluated.ts'

export const operations = ['now', 'format', 'add', 'subtract', 'difference', 'extract', 'startOf', 'endOf', 'round'] as const
export const units = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond'] as const
export const roundings = ['nearest', 'up', 'down'] as const
export const parts = [
  'year', 'quarter', 'month', 'monthName', 'week', 'day', 'dayOfYear', 'weekday', 'weekdayName', 'hour', 'minute', 'second', 'millisecond', 'offset', 'daysInMonth'
] as const

type Operation = typeof operations[number]
type Unit = typeof units[number]

/** The parameters that an operation cannot do without. */
export const needs: Readonly<Record<Operation, readonly ('date' | 'amount' | 'until')[]>> = {
  now: [],
  format: ['date'],
  add: ['date', 'amount'],
  subtract: ['date', 'amount'],
  difference: ['date', 'until'],
  extract: ['date'],
  startOf: ['date'],
  endOf: ['date'],
  round: ['date']
}

/** Of milliseconds, the smallest unit: more leads out of the range of dates whatever the start. */
const MAX_AMOUNT = 2 * 8.64e15

export function amountOf (value: unknown): number | null {
  const number = numberOf(value)
  return number === null || Math.abs(number) > MAX_AMOUNT ? null : number
}

export function calculate (date: DateTime, parameters: DateTimeParameters, until: () => DateTime): DateTime | number | string {
  const { operation = 'format' } = parameters
  const unit = oneWord(parameters.unit ?? 'day', '/unit', units)
  switch (operation) {
    case 'now':
    case 'format': return date
    case 'add': return date.plus({ [unit]: givenAmount(parameters) })
    case 'subtract': return date.minus({ [unit]: givenAmount(parameters) })
    case 'difference': return until().diff(date, unit).as(unit)
    case 'extract': return PARTS[oneWord(parameters.part ?? 'year', '/part', parts)](date)
    case 'startOf': return date.startOf(unit)
    case 'endOf': return date.endOf(unit)
    case 'round': return round(date, unit, parameters.rounding ?? 'nearest')
  }
}

function givenAmount ({ amount }: DateTimeParameters): number {
  const number = amountOf(amount)
  if (number !== null) return number
  throw new NodeError('WC_PARAMETER', 'This must be a number', { pointer: '/amount' })
}

function round (date: DateTime, unit: Unit, rounding: typeof roundings[number]): DateTime {
  const start = date.startOf(unit)
  if (rounding === 'down' || start.toMillis() === date.toMillis()) return start
  const next = start.plus({ [unit]: 1 })
  if (rounding === 'up') return next
  return date.toMillis() - start.toMillis() < next.toMillis() - date.toMillis() ? start : next
}

const PARTS: Readonly<Record<typeof parts[number], (date: DateTime) => number | string>> = {
  year: date => date.year,
  quarter: date => date.quarter,
  month: date => date.month,
  monthName: date => date.toFormat('LLLL'),
  week: date => date.weekNumber,
  day: date => date.day,
  dayOfYear: date => date.ordinal,
  weekday: date => date.weekday,
  weekdayName: date => date.toFormat('cccc'),
  hour: date => date.hour,
  minute: date => date.minute,
  second: date => date.second,
  millisecond: date => date.millisecond,
  offset: date => date.offset,
  daysInMonth: date => date.daysInMonth ?? 0
}

import { spend, typeFailure } from '../run.ts'
import { toInteger } from '../values/coerce.ts'
import { formatNumber } from './formatter.ts'
import { dateTimeFromNumber } from './date-parse.ts'
import type { Methods } from './table.ts'

function digits (value: unknown, least: number): number {
  const count = toInteger(value, least)
  return count >= least && count <= 100 ? count : typeFailure(`The number of digits must be ${least} to 100`)
}

function radix (value: unknown): number {
  const base = toInteger(value, 10)
  return base >= 2 && base <= 36 ? base : typeFailure('The radix must be 2 to 36')
}

function roundTo (self: number, places: unknown): number {
  const factor = 10 ** Math.min(20, Math.max(0, toInteger(places)))
  return Math.round(self * factor) / factor
}

export const numberMethods: Methods<number> = {
  toString: (self: number, args: readonly unknown[]) => {
    spend(4)
    return self.toString(radix(args[0]))
  },
  toFixed: (self, args) => self.toFixed(digits(args[0], 0)),
  toPrecision: (self, args) => args[0] === undefined ? String(self) : self.toPrecision(digits(args[0], 1)),
  toExponential: (self, args) => self.toExponential(args[0] === undefined ? undefined : digits(args[0], 0)),
  toLocaleString: (self: number, args: readonly unknown[]) => formatNumber(self, args[0], args[1]),
  format: (self, args) => formatNumber(self, args[0], args[1]),
  valueOf: (self: number) => self,
  floor: (self) => Math.floor(self),
  ceil: (self) => Math.ceil(self),
  abs: (self) => Math.abs(self),
  round: (self, args) => roundTo(self, args[0]),
  isEven: (self) => self % 2 === 0,
  isOdd: (self) => Math.abs(self % 2) === 1,
  isInteger: (self) => Number.isInteger(self),
  isEmpty: () => false,
  isNotEmpty: () => true,
  toNumber: (self) => self,
  toInt: (self) => Math.trunc(self),
  toFloat: (self) => self,
  toBoolean: (self) => self !== 0 && !Number.isNaN(self),
  toDateTime: (self, args) => dateTimeFromNumber(self, args[0]),
  toJsonString: (self) => JSON.stringify(self)
}

export const booleanMethods: Methods<boolean> = {
  toString: (self: boolean) => String(self),
  valueOf: (self: boolean) => self,
  toNumber: (self) => Number(self),
  toInt: (self) => Number(self),
  toFloat: (self) => Number(self),
  toBoolean: (self) => self,
  isEmpty: () => false,
  isNotEmpty: () => true,
  toJsonString: (self) => JSON.stringify(self)
}

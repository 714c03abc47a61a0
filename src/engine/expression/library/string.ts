import { allocateElements, allocateText, own, spend, typeFailure } from '../run.ts'
import { joinTexts, toInteger, toNumber, toText } from '../values/coerce.ts'
import { checkedLocale } from '../values/zone.ts'
import type { Methods } from './table.ts'

function optionalInteger (value: unknown): number | undefined {
  return value === undefined ? undefined : toInteger(value)
}

function pad (self: string, args: readonly unknown[], atStart: boolean): string {
  const length = toInteger(args[0])
  const filler = args[1] === undefined ? ' ' : toText(args[1])
  if (length <= self.length || filler === '') return self
  allocateText(length)
  return atStart ? self.padStart(length, filler) : self.padEnd(length, filler)
}

function repeat (self: string, args: readonly unknown[]): string {
  const count = toInteger(args[0])
  if (count < 0) typeFailure('Cannot repeat a text fewer than 0 times')
  allocateText(self.length * count)
  return self.repeat(self === '' ? 0 : count)
}

function normalize (self: string, args: readonly unknown[]): string {
  // Compatibility forms make up to 18 characters of one.
  allocateText(self.length * 18)
  return self.normalize(args[0] === undefined ? 'NFC' : toText(args[0]))
}

const reading: Methods<string> = {
  at: (self, args) => self.at(toInteger(args[0])),
  charAt: (self, args) => self.charAt(toInteger(args[0])),
  charCodeAt: (self, args) => self.charCodeAt(toInteger(args[0])),
  codePointAt: (self, args) => self.codePointAt(toInteger(args[0])),
  includes: (self, args) => self.includes(toText(args[0]), toInteger(args[1])),
  indexOf: (self, args) => self.indexOf(toText(args[0]), toInteger(args[1])),
  lastIndexOf: (self, args) => self.lastIndexOf(toText(args[0]), args[1] === undefined ? Infinity : toNumber(args[1])),
  startsWith: (self, args) => self.startsWith(toText(args[0]), toInteger(args[1])),
  endsWith: (self, args) => self.endsWith(toText(args[0]), optionalInteger(args[1])),
  localeCompare: (self, args) => {
    spend(8 + (self.length >> 3))
    return self.localeCompare(toText(args[0]), checkedLocale(args[1]))
  },
  slice: (self, args) => self.slice(toInteger(args[0]), optionalInteger(args[1])),
  substring: (self, args) => self.substring(toInteger(args[0]), optionalInteger(args[1])),
  substr: (self, args) => self.substr(toInteger(args[0]), optionalInteger(args[1])),
  toString: (self: string) => self,
  valueOf: (self: string) => self
}

const making: Methods<string> = {
  trim: (self) => self.trim(),
  trimStart: (self) => self.trimStart(),
  trimEnd: (self) => self.trimEnd(),
  // Case mappings make up to three characters of one.
  toLowerCase: (self) => {
    allocateText(self.length)
    return self.toLowerCase()
  },
  toUpperCase: (self) => {
    allocateText(self.length)
    return self.toUpperCase()
  },
  toLocaleLowerCase: (self, args) => {
    allocateText(self.length)
    return self.toLocaleLowerCase(checkedLocale(args[0]))
  },
  toLocaleUpperCase: (self, args) => {
    allocateText(self.length)
    return self.toLocaleUpperCase(checkedLocale(args[0]))
  },
  padStart: (self, args) => pad(self, args, true),
  padEnd: (self, args) => pad(self, args, false),
  repeat,
  concat: (self, args) => joinTexts([self, ...args], ''),
  normalize
}

export const stringMethods: Methods<string> = { ...reading, ...making }

/** `[...text]`: by code points. */
export function characters (text: string): unknown[] {
  allocateElements(text.length)
  return own([...text])
}

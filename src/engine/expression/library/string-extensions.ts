import { createHash } from 'node:crypto'
import { MAX_TEXT } from '../limits.ts'
import { allocateText, exceeded, own, spend, typeFailure } from '../run.ts'
import { joinTexts, toInteger, toText } from '../values/coerce.ts'
import { parseJson } from './json.ts'
import { toDateTime } from './date-parse.ts'
import type { Methods } from './table.ts'

const HASHES = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512'])
const EMAIL = /[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/
const URL_TEXT = /https?:\/\/[^\s"'<>()]{1,2048}/
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,10}[a-z][a-z0-9-]{1,62}$/i

/** Matching backtracks within these bounds only, and looks at no more than this. */
const MAX_SEARCHED = 64 * 1024
const MAX_REWRITTEN = 128 * 1024

function searched (text: string): string {
  spend(Math.min(text.length, MAX_SEARCHED) >> 4)
  return text.length > MAX_SEARCHED ? text.slice(0, MAX_SEARCHED) : text
}

function parseUrl (text: string): URL | undefined {
  const found = text.includes('://') ? URL_TEXT.exec(searched(text))?.[0] ?? text : `http://${text}`
  return found.length <= 8192 && URL.canParse(found) ? new URL(found) : undefined
}

function extractDomain (text: string): string | undefined {
  const host = parseUrl(EMAIL.exec(searched(text))?.[0].split('@')[1] ?? text.trim())?.hostname
  return host !== undefined && (DOMAIN.test(host) || /^[\d.]+$/.test(host)) ? host : undefined
}

/** Changing case word by word calls back for each, without a look at the clock. */
function rewritten (text: string): string {
  if (text.length > MAX_REWRITTEN) exceeded(`words of a text of more than ${MAX_REWRITTEN} characters`)
  allocateText(text.length * 2)
  spend(text.length >> 2)
  return text
}

function words (text: string): string[] {
  return rewritten(text).replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}

function capitalized (word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()
}

function toBoolean (text: string): boolean {
  return !['', 'false', '0', 'no', 'off', 'null', 'undefined'].includes(text.trim().toLowerCase())
}

function parseNumber (text: string): number {
  const number = Number(text)
  return Number.isNaN(number) ? parseFloat(text) : number
}

/** One pass from `<` to `>`: a pattern would look ahead again from every unclosed bracket. */
function removeTags (text: string): string {
  allocateText(text.length)
  const parts: string[] = []
  let position = 0
  for (let open = text.indexOf('<'); open !== -1; open = text.indexOf('<', position)) {
    const close = text.indexOf('>', open)
    if (close === -1) break
    parts.push(text.slice(position, open))
    position = close + 1
  }
  parts.push(text.slice(position))
  return parts.join('')
}

function removeMarkdown (text: string): string {
  allocateText(text.length)
  return text.split('\n').map(plainLine).join('\n')
}

function plainLine (line: string): string {
  if (line.length > 10_000) return line
  return line
    .replace(/^ {0,3}(?:#{1,6} +|> ?|[-*+] +|\d{1,9}\. +)/, '')
    .replace(/^ {0,3}(?:```.*|~~~.*|(?:[-*_] ?){3,40})$/, '')
    .replace(/!?\[([^[\]]{0,500})\]\([^()]{0,2000}\)/g, '$1')
    .replace(/(\*\*|__|~~|`)([^*_~`]{1,2000})\1/g, '$2')
    .replace(/(\*|_)([^*_]{1,2000})\1/g, '$2')
}

function hash (text: string, args: readonly unknown[]): string {
  const algorithm = args[0] === undefined ? 'md5' : toText(args[0]).toLowerCase()
  if (!HASHES.has(algorithm)) typeFailure(`There is no hash ${JSON.stringify(algorithm)}`)
  spend(16 + (text.length >> 6))
  return createHash(algorithm).update(text).digest(args[1] === 'base64' ? 'base64' : 'hex')
}

function encodeBase64 (text: string): string {
  allocateText(text.length * 4)
  return Buffer.from(text, 'utf8').toString('base64')
}

function encodeUrl (text: string, whole: unknown): string {
  allocateText(text.length * 3)
  return whole === true ? encodeURI(text) : encodeURIComponent(text)
}

const conversions: Methods<string> = {
  toNumber: parseNumber,
  toFloat: (self) => parseFloat(self),
  toDecimalNumber: (self) => parseFloat(self),
  toInt: (self, args) => parseInt(self, toInteger(args[0], 10)),
  toWholeNumber: (self, args) => parseInt(self, toInteger(args[0], 10)),
  toBoolean,
  toDateTime: (self, args) => toDateTime(self, args[0]),
  toDate: (self) => toDateTime(self, undefined),
  toJsonString: (self) => {
    allocateText(Math.min(MAX_TEXT, self.length * 2))
    return JSON.stringify(self)
  },
  parseJson: (self) => parseJson(self),
  base64Encode: encodeBase64,
  toBase64: encodeBase64,
  base64Decode: (self) => {
    allocateText(self.length)
    return Buffer.from(self, 'base64').toString('utf8')
  },
  urlEncode: (self, args) => encodeUrl(self, args[0]),
  urlDecode: (self, args) => {
    allocateText(self.length)
    return args[0] === true ? decodeURI(self) : decodeURIComponent(self)
  },
  hash,
  quote: (self, args) => {
    const mark = args[0] === undefined ? '"' : toText(args[0])
    allocateText(2 * (self.length + mark.length))
    return mark + self.replaceAll('\\', '\\\\').replaceAll(mark === '' ? '\\' : mark, () => `\\${mark}`) + mark
  }
}

const questions: Methods<string> = {
  isEmpty: (self) => self.length === 0,
  isNotEmpty: (self) => self.length > 0,
  isNumeric: (self) => self.trim() !== '' && Number.isFinite(Number(self)),
  isEmail: (self) => self.length <= 320 && EMAIL.exec(self)?.[0] === self,
  isUrl: (self) => /^https?:\/\//.test(self) && self.length <= 8192 && URL.canParse(self),
  isDomain: (self) => self.length <= 253 && DOMAIN.test(self)
}

const texts: Methods<string> = {
  extractEmail: (self) => EMAIL.exec(searched(self))?.[0],
  extractUrl: (self) => URL_TEXT.exec(searched(self))?.[0],
  extractUrlPath: (self) => parseUrl(self)?.pathname,
  extractDomain,
  removeTags,
  removeMarkdown,
  replaceSpecialChars: (self) => rewritten(self).normalize('NFD').replace(/\p{M}/gu, ''),
  toTitleCase: (self) => rewritten(self).replace(/[\p{L}\p{N}']+/gu, capitalized),
  toSentenceCase: (self) => rewritten(self).toLowerCase().replace(/(^\s*|[.!?]\s+)\p{Ll}/gu, (start) => start.toUpperCase()),
  toSnakeCase: (self) => words(self).map((word) => word.toLowerCase()).join('_'),
  append: (self, args) => joinTexts([self, ...args], ''),
  first: (self, args) => self.slice(0, toInteger(args[0], 1)),
  last: (self, args) => self.slice(-toInteger(args[0], 1)),
  length: (self) => self.length,
  toArray: (self) => own([self])
}

export const stringExtensions: Methods<string> = { ...conversions, ...questions, ...texts }

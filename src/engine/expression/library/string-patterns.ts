import { MAX_TEXT } from '../limits.ts'
import { allocateElements, allocateText, own, spend, typeFailure } from '../run.ts'
import { toInteger, toText } from '../values/coerce.ts'
import { callAll, isCallable } from '../values/function.ts'
import type { Callable } from '../values/function.ts'
import { GuestRegex } from '../values/regex.ts'
import { eachMatch, firstMatch, makeRegex, matchResult } from './regex.ts'
import type { Match } from './regex.ts'
import type { Methods } from './table.ts'

/** Text put together from pieces, its length paid for as it grows. */
class TextBuilder {
  readonly #parts: string[] = []
  #length = 0

  add (part: string): void {
    this.#length += part.length
    if (part.length > 0) this.#parts.push(part)
    if (this.#length > MAX_TEXT) allocateText(this.#length)
  }

  toString (): string {
    allocateText(this.#length)
    return this.#parts.join('')
  }
}

function expand (template: string, match: Match, text: string): string {
  if (!template.includes('$')) return template
  return template.replace(/\$(?:([$&`'])|(\d{1,2})|<([^>]{0,100})>)/g, (whole: string, sign?: string, digits?: string, name?: string) => {
    if (sign === '$') return '$'
    if (sign === '&') return match.groups[0] ?? ''
    if (sign === '`') return text.slice(0, match.index)
    if (sign === "'") return text.slice(match.end)
    if (digits !== undefined) return numberedGroup(match, digits) ?? whole
    if (match.named === null || name === undefined) return whole
    return (Object.hasOwn(match.named, name) ? match.named[name] : undefined) ?? ''
  })
}

/** Two digits name a group only where there are that many. */
function numberedGroup (match: Match, digits: string): string | undefined {
  const number = Number(digits)
  if (number >= 1 && number < match.groups.length) return match.groups[number] ?? ''
  const first = Number(digits[0])
  if (digits.length === 2 && first >= 1 && first < match.groups.length) return (match.groups[first] ?? '') + digits[1]!
  return undefined
}

function replacementOf (replacement: string | Callable, match: Match, text: string): string {
  if (typeof replacement !== 'string') {
    const named = match.named === null ? [] : [match.named]
    return toText(callAll(replacement, [...match.groups, match.index, text, ...named]))
  }
  const amplifies = replacement.includes('$`') || replacement.includes("$'")
  if (amplifies) allocateText(text.length * (replacement.length >> 1))
  else if (replacement.includes('$')) allocateText(replacement.length * (1 + match.end - match.index))
  return expand(replacement, match, text)
}

/** Matches of a plain text, in the shape of those of a pattern. */
function eachOccurrence (pattern: string, text: string, all: boolean, visit: (match: Match) => void): void {
  for (let index = text.indexOf(pattern); index !== -1;) {
    visit({ index, end: index + pattern.length, groups: [pattern], named: null })
    spend(2)
    if (!all) return
    const next = index + Math.max(1, pattern.length)
    index = next > text.length ? -1 : text.indexOf(pattern, next)
  }
}

function replace (self: string, args: readonly unknown[], all: boolean): string {
  const [pattern, given] = args
  const replacement = isCallable(given) ? given : toText(given)
  const builder = new TextBuilder()
  let position = 0
  const visit = (match: Match): void => {
    builder.add(self.slice(position, match.index))
    builder.add(replacementOf(replacement, match, self))
    position = match.end
  }
  if (pattern instanceof GuestRegex) {
    if (all && !pattern.isGlobal) typeFailure('replaceAll needs a regular expression with the flag g')
    eachMatch(pattern, self, 0, (match) => {
      visit(match)
      return pattern.isGlobal
    })
  } else {
    eachOccurrence(toText(pattern), self, all, visit)
  }
  builder.add(self.slice(position))
  return builder.toString()
}

function toRegex (value: unknown, flags: string): GuestRegex {
  return value instanceof GuestRegex ? value : makeRegex(value, flags)
}

function match (self: string, args: readonly unknown[]): unknown {
  const regex = toRegex(args[0], '')
  if (!regex.isGlobal) {
    const found = firstMatch(regex, self)
    return found === null ? null : matchResult(found, self)
  }
  const texts: unknown[] = []
  eachMatch(regex, self, 0, (found) => {
    allocateElements(1)
    texts.push(found.groups[0])
    return true
  })
  return texts.length === 0 ? null : own(texts)
}

function matchAll (self: string, args: readonly unknown[]): unknown {
  const matches: unknown[] = []
  eachMatch(toRegex(args[0], 'g'), self, 0, (found) => {
    allocateElements(1 + found.groups.length)
    matches.push(matchResult(found, self))
    return true
  })
  return own(matches)
}

function split (self: string, args: readonly unknown[]): unknown {
  const [separator, rawLimit] = args
  const limit = rawLimit === undefined ? Infinity : toInteger(rawLimit)
  if (separator === undefined) return own([self])
  if (separator instanceof GuestRegex) return splitByRegex(self, separator, limit)
  const text = toText(separator)
  allocateElements(text === '' ? self.length : 1)
  const parts = self.split(text, limit === Infinity ? undefined : limit)
  allocateElements(parts.length)
  return own(parts)
}

function splitByRegex (self: string, separator: GuestRegex, limit: number): unknown {
  const parts: unknown[] = []
  let position = 0
  eachMatch(separator, self, 0, (found) => {
    if (found.end === found.index && (found.index === 0 || found.index >= self.length)) return true
    allocateElements(found.groups.length)
    parts.push(self.slice(position, found.index), ...found.groups.slice(1))
    position = found.end
    return parts.length < limit
  })
  parts.push(self.slice(position))
  return own(limit === Infinity ? parts : parts.slice(0, limit))
}

export const stringPatternMethods: Methods<string> = {
  replace: (self, args) => replace(self, args, false),
  replaceAll: (self, args) => replace(self, args, true),
  match,
  matchAll,
  search: (self, args) => {
    const regex = toRegex(args[0], '')
    return firstMatch(new GuestRegex(regex.source, '', regex.program), self)?.index ?? -1
  },
  split
}

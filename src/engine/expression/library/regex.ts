import type { Matcher, RE2JS } from 're2js'
import { re2 } from '../load.ts'
import { checkClock, exceeded, fail, own, spend } from '../run.ts'
import { toText } from '../values/coerce.ts'
import { GuestRegex } from '../values/regex.ts'
import { setOwn } from '../values/own.ts'
import { estimateRegexSize } from './regex-size.ts'
import type { Accessors, Methods } from './table.ts'

const MAX_SIZE = 2_000
/**
 * Characters times instructions of one search, which cannot be interrupted. The automaton took 40 ns for each, and
 * 150 ns before it was optimized: this keeps a search within 250 ms.
 */
const MAX_SEARCH_COST = 1_600_000

export class RegexError extends Error {}

/** Compiles a JavaScript pattern for linear-time matching; throws RegexError for what that cannot do. */
export function compileRegex (source: string, flags: string): RE2JS {
  const { RE2JS } = re2()
  if (!/^[dgimsuv]*$/.test(flags)) throw new RegexError(`There are no regular expression flags "${flags}"`)
  if (/\(\?=|\(\?!/.test(source)) throw new RegexError('Look-ahead is not supported in regular expressions')
  if (/\\[1-9]|\\k</.test(source)) throw new RegexError('Back-references are not supported in regular expressions')
  if (estimateRegexSize(source) > MAX_SIZE) throw new RegexError('The regular expression is too large')
  let options = 0
  if (flags.includes('i')) options |= RE2JS.CASE_INSENSITIVE
  if (flags.includes('m')) options |= RE2JS.MULTILINE
  if (flags.includes('s')) options |= RE2JS.DOTALL
  if (/\(\?<[=!]/.test(source)) options |= RE2JS.LOOKBEHINDS
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source), options)
  } catch (error) {
    throw new RegexError(`The regular expression is not supported: ${(error as Error).message}`)
  }
}

/** `new RegExp(…)` while evaluating. */
export function makeRegex (source: unknown, flags: unknown): GuestRegex {
  if (source instanceof GuestRegex) {
    return flags === undefined
      ? new GuestRegex(source.source, source.flags, source.program)
      : makeRegex(source.source, flags)
  }
  const pattern = source === undefined ? '(?:)' : toText(source)
  const given = flags === undefined ? '' : toText(flags)
  spend(500)
  try {
    return new GuestRegex(pattern, given, compileRegex(pattern, given))
  } catch (error) {
    if (error instanceof RegexError) return fail('WC_EXPRESSION_REGEX', error.message)
    throw error
  }
}

export interface Match {
  readonly index: number
  readonly end: number
  readonly groups: readonly (string | undefined)[]
  readonly named: Readonly<Record<string, string | undefined>> | null
}

/** Matches from left to right, each search paid for; calls back until it answers false. */
export function eachMatch (regex: GuestRegex, text: string, start: number, visit: (match: Match) => boolean): void {
  const cost = text.length * regex.program.programSize()
  if (cost > MAX_SEARCH_COST) exceeded(`a text of ${text.length} characters is too long for this regular expression`)
  spend(2 + (cost >> 12))
  const matcher = regex.program.matcher(text)
  if (start > text.length || !matcher.find(start)) return
  do {
    const match = readMatch(matcher, regex.program)
    if (!visit(match)) return
    spend(2 + match.groups.length)
    if (cost > 10_000) checkClock()
  } while (matcher.find())
}

function readMatch (matcher: Matcher, program: RE2JS): Match {
  const groups: (string | undefined)[] = []
  for (let group = 0; group <= matcher.groupCount(); group++) groups.push(matcher.group(group) ?? undefined)
  const names = Object.entries(program.namedGroups())
  const named = names.length === 0 ? null : {}
  for (const [name, group] of names) setOwn(named!, name, groups[group])
  return { index: matcher.start(0), end: matcher.end(0), groups, named }
}

/** What `exec` and `match` answer: a list of the groups with `index`, `input` and `groups`. */
export function matchResult (match: Match, text: string): unknown[] {
  const result: unknown[] = own([...match.groups])
  return Object.assign(result, { index: match.index, input: text, groups: match.named ?? undefined })
}

export function firstMatch (regex: GuestRegex, text: string): Match | null {
  let found: Match | null = null
  const start = regex.isGlobal ? regex.lastIndex : 0
  eachMatch(regex, text, start, (match) => {
    found = match
    return false
  })
  const match = found as Match | null
  if (regex.isGlobal) regex.lastIndex = match === null ? 0 : match.end
  return match
}

export const regexMethods: Methods<GuestRegex> = {
  test: (self, args) => firstMatch(self, toText(args[0])) !== null,
  exec: (self, args) => {
    const text = toText(args[0])
    const match = firstMatch(self, text)
    return match === null ? null : matchResult(match, text)
  },
  toString: (self: GuestRegex) => toText(self)
}

export const regexAccessors: Accessors<GuestRegex> = {
  source: (self) => self.source,
  flags: (self) => self.flags,
  global: (self) => self.isGlobal,
  lastIndex: (self) => self.lastIndex
}

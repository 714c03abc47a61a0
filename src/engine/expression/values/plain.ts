import { luxonIfLoaded } from '../load.ts'
import { MAX_DATA_DEPTH, MAX_RESULT } from '../limits.ts'
import { fail, spend } from '../run.ts'
import { setOwn } from './own.ts'
import { KIND, kindOf } from './kind.ts'
import { toText } from './coerce.ts'

/**
 * Turns values into JSON data the way JSON.stringify would (dates to ISO text, functions dropped, NaN null),
 * sets to lists and maps to objects. What is plain already is returned as it is, not copied.
 * `size` counts the characters that the whole would take: shared parts count each time, since writing them out
 * would, and a cycle runs into the depth limit.
 */
class PlainWalk {
  size = 0
  readonly indent: number
  readonly maxSize: number

  constructor (maxSize: number, indent: number) {
    this.maxSize = maxSize
    this.indent = indent
  }

  plain (value: unknown, depth: number): unknown {
    switch (kindOf(value)) {
      case KIND.string: return this.#counted((value as string).length + 2, value)
      case KIND.number: return this.#counted(4, Number.isFinite(value) ? value : null)
      case KIND.boolean:
      case KIND.null: return this.#counted(4, value)
      case KIND.array: return this.#array(value as unknown[], depth)
      case KIND.object: return this.#object(value as Record<string, unknown>, depth)
      case KIND.set: return this.#array([...value as Set<unknown>], depth)
      case KIND.map: return this.#object(objectOf(value as Map<unknown, unknown>), depth)
      case KIND.date: return this.#counted(26, isoText(value as Date))
      default: return this.#other(value)
    }
  }

  #count (characters: number): void {
    spend(1)
    if ((this.size += characters) > this.maxSize) {
      fail('WC_EXPRESSION_LIMIT', `The expression exceeds a limit: data of more than ${this.maxSize} characters`)
    }
  }

  #counted (characters: number, value: unknown): unknown {
    this.#count(characters)
    return value
  }

  #enter (depth: number, members: number): void {
    if (depth > MAX_DATA_DEPTH) fail('WC_EXPRESSION_RESULT', 'The value contains itself, or is nested too deeply')
    this.#count(2 + members * (1 + this.indent * depth))
  }

  #array (array: readonly unknown[], depth: number): unknown {
    this.#enter(depth, array.length)
    let copy: unknown[] | null = null
    for (let index = 0; index < array.length; index++) {
      const element = array[index]
      const plain = this.plain(element, depth + 1) ?? null
      if (copy === null && plain !== element) copy = array.slice(0, index)
      if (copy !== null) copy.push(plain)
    }
    return copy ?? array
  }

  #object (object: Record<string, unknown>, depth: number): unknown {
    const keys = Object.keys(object)
    this.#enter(depth, keys.length)
    let copy: Record<string, unknown> | null = null
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      const value = object[key]
      this.#count(key.length + 3)
      const plain = this.plain(value, depth + 1)
      if (copy === null && (plain !== value || plain === undefined)) copy = firstOf(object, keys, index)
      if (copy !== null && plain !== undefined) setOwn(copy, key, plain)
    }
    return copy ?? object
  }

  #other (value: unknown): unknown {
    switch (kindOf(value)) {
      case KIND.dateTime:
      case KIND.duration:
      case KIND.interval:
      case KIND.url:
      case KIND.searchParams:
        this.#count(26)
        return luxonIfLoaded()?.DateTime.isDateTime(value) === true ? value.toISO() : toText(value)
      case KIND.regex: return {}
      default: return undefined
    }
  }
}

function firstOf (object: Record<string, unknown>, keys: readonly string[], count: number): Record<string, unknown> {
  const copy = {}
  for (let index = 0; index < count; index++) setOwn(copy, keys[index]!, object[keys[index]!])
  return copy
}

function objectOf (map: Map<unknown, unknown>): Record<string, unknown> {
  const object = {}
  for (const [key, value] of map) setOwn(object, toText(key), value)
  return object
}

function isoText (date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

export function toPlain (value: unknown, maxSize = MAX_RESULT, indent = 0): unknown {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  return new PlainWalk(maxSize, indent).plain(value, 1)
}

/** `JSON.stringify`: the size is known before the text is made. Undefined for what JSON has no word for. */
export function toJson (value: unknown, maxSize: number, indent = ''): string | undefined {
  const plain = toPlain(value, maxSize, indent.length)
  return plain === undefined ? undefined : JSON.stringify(plain, null, indent)
}

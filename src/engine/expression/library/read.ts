import { fail } from '../run.ts'
import { toKey } from '../values/coerce.ts'
import { Builtin } from '../values/function.ts'
import { KIND, kindOf, SKIPPED } from '../values/kind.ts'
import { accessorsNamed } from './lookup.ts'
import type { ByKind } from './lookup.ts'
import type { Accessor } from './table.ts'
import type { NodeLookup } from './views.ts'
import { NodeValue } from './views.ts'

/** Where a read happens, for its error. */
export interface Site {
  readonly position: number
  /** The source of what is read from. */
  describe (): string
}

export function absent (value: unknown, key: unknown, site: Site): never {
  return fail('WC_EXPRESSION_UNDEFINED', `Cannot read ${JSON.stringify(toKey(key)).slice(0, 80)}: ${site.describe()} is ${String(value)}`, site.position)
}

const hasOwn = Object.hasOwn
const objectPrototype = Object.prototype

/**
 * `value[key]`: own data, or what the value's kind offers under that name; never anything inherited.
 * `accessors` are those of the key, where it was known when compiling.
 */
export function readMember (value: unknown, key: string | number, site: Site, accessors?: ByKind<Accessor>): unknown {
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === objectPrototype) {
    return hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined
  }
  const kind = kindOf(value)
  switch (kind) {
    case KIND.undefined:
    case KIND.null: return absent(value, key, site)
    case KIND.skipped: return SKIPPED
    case KIND.string: return ofText(value as string, key)
    case KIND.array:
    case KIND.object: return hasOwn(value as object, key) ? (value as Record<string | number, unknown>)[key] : undefined
    case KIND.function: return value instanceof Builtin && hasOwn(value.values, key) ? value.values[key] : undefined
    case KIND.nodeLookup: return new NodeValue(String(key), (value as NodeLookup).itemIndex)
    default: return (accessors ?? accessorsNamed(String(key)))[kind]?.(value as never)
  }
}

function ofText (text: string, key: string | number): unknown {
  if (typeof key === 'number') return text[key]
  if (key === 'length') return text.length
  return /^(?:0|[1-9]\d{0,8})$/.test(key) ? text[Number(key)] : undefined
}

import type { JsonObject } from '../../item.ts'
import { readingPath } from '../field-path.ts'
import { compare } from '../operators.ts'
import { isPlainObject } from '../plain-object.ts'
import { readPath } from '../paths.ts'

export interface Difference {
  /** A path: `customer.city`. */
  readonly field: string
  /** Null where the field is missing. */
  readonly a: unknown
  readonly b: unknown
}

export interface Comparing {
  readonly fields?: readonly string[]
  readonly ignore?: readonly string[]
  readonly loose?: boolean
  readonly ignoreCase?: boolean
}

/** Objects are compared field by field, at any depth; lists as wholes. Missing differs from null. */
export function differencesBetween ({ fields, ignore = [], loose = false, ignoreCase = false }: Comparing): (a: JsonObject, b: JsonObject) => readonly Difference[] {
  const ignored = new Set(ignore)
  const how = { loose, ignoreCase }

  function compareValues (a: unknown, b: unknown, field: string, found: Difference[]): void {
    if (ignored.has(field)) return
    if (isPlainObject(a) && isPlainObject(b)) return compareObjects(a, b, `${field}.`, found)
    if ((a === undefined) === (b === undefined) && compare(a, 'equals', b, how)) return
    found.push({ field, a: a ?? null, b: b ?? null })
  }

  function compareObjects (a: JsonObject, b: JsonObject, prefix: string, found: Difference[]): void {
    for (const name of Object.keys(a)) compareValues(a[name], ownValue(b, name), prefix + name, found)
    for (const name of Object.keys(b)) if (!Object.hasOwn(a, name)) compareValues(undefined, b[name], prefix + name, found)
  }

  const paths = fields?.map(field => [field, readingPath(field)] as const)
  return (a, b) => {
    const found: Difference[] = []
    if (paths === undefined) compareObjects(a, b, '', found)
    else for (const [field, path] of paths) compareValues(readPath(a, path), readPath(b, path), field, found)
    return found
  }
}

function ownValue (object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

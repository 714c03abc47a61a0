import type { JsonObject } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { compilePattern } from '../patterns.ts'
import { isPlainObject } from '../plain-object.ts'
import { isReservedName, readPath, writePath } from '../paths.ts'
import type { Path } from '../paths.ts'

type Renaming = (json: JsonObject) => JsonObject

/** Longer names are left as they are: they are data, and a pattern takes time for each character. */
const MAX_NAME = 1000
/** Items share their names, nearly always; those of hostile data do not get to fill the memory. */
const MAX_REMEMBERED = 10_000

/** Each path's last part becomes `to`. What is not there is not renamed. */
export function listedRenames (renames: readonly { path: Path, to: string }[]): Renaming {
  const byPlace = new Map<string, { place: Path, names: Map<string, string> }>()
  for (const { path, to } of renames) {
    const place = path.slice(0, -1)
    const group = byPlace.get(place.join('.')) ?? { place, names: new Map<string, string>() }
    byPlace.set(place.join('.'), group)
    group.names.set(path.at(-1) ?? '', to)
  }
  // The deepest first: by the names that they have before their surroundings are renamed.
  const groups = [...byPlace.values()].sort((a, b) => b.place.length - a.place.length)
  return json => {
    let draft = json
    const owned = new Set<object>()
    for (const { place, names } of groups) {
      const container = readPath(draft, place)
      if (!isPlainObject(container) || ![...names.keys()].some(name => Object.hasOwn(container, name))) continue
      const renamed = renameIn(container, name => names.get(name) ?? name)
      if (place.length === 0) {
        draft = renamed
      } else {
        if (draft === json) draft = { ...json }
        writePath(draft, place, renamed, owned)
      }
    }
    return draft
  }
}

export interface PatternRename {
  readonly pattern: string
  readonly replacement?: string
  readonly ignoreCase?: boolean
}

export function patternRenames (renames: readonly PatternRename[], deep: boolean): Renaming {
  if (renames.length === 0) return json => json
  const known = new Map<string, string>()
  const patterns = renames.map(({ pattern, replacement = '', ignoreCase = false }) => ({ compiled: compilePattern(pattern, ignoreCase), replacement }))

  function nameFor (name: string): string {
    if (name.length > MAX_NAME) return name
    let renamed = known.get(name)
    if (renamed === undefined) {
      renamed = patterns.reduce((text, { compiled, replacement }) => compiled.matcher(text).replaceAll(replacement), name).slice(0, MAX_NAME)
      if (known.size >= MAX_REMEMBERED) known.clear()
      known.set(name, renamed)
    }
    return renamed
  }

  function renameValue (value: unknown): unknown {
    if (Array.isArray(value)) return value.map(renameValue)
    if (!isPlainObject(value)) return value
    return renameIn(value, nameFor, renameValue)
  }

  return json => renameIn(json, nameFor, deep ? renameValue : undefined)
}

/** Where two fields get one name, the later one's value stays. */
function renameIn (object: JsonObject, nameFor: (name: string) => string, valueFor: (value: unknown) => unknown = value => value): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => {
    const renamed = nameFor(name)
    if (renamed !== name && isReservedName(renamed)) throw new NodeError('WC_FIELD_PATH', `${renamed} cannot be written to`, { pointer: '/patterns' })
    return [renamed, valueFor(value)]
  }))
}

import { byName } from '../../lib/by-name.ts'
import type { JsonObject } from '../item.ts'
import { NodeError } from '../node-error.ts'

/** `a.b.0.c`, in parts. */
export type Path = readonly string[]

export type Write = readonly [path: Path, value: unknown]

const MAX_SEGMENTS = 32
const INDEX = /^(0|[1-9][0-9]{0,8})$/
/** Names through which a write could reach what all objects share. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** Whether no property that we make may be called this. */
export function isReservedName (name: string): boolean {
  return RESERVED.has(name)
}

/** Why this text is not a path that may be written to, or null. */
export function pathProblem (text: string): string | null {
  const path = text.split('.')
  if (path.length > MAX_SEGMENTS) return `a path has at most ${MAX_SEGMENTS} parts`
  if (path.includes('')) return 'a path has no empty parts'
  const reserved = path.find(segment => RESERVED.has(segment))
  return reserved === undefined ? null : `${reserved} cannot be written to`
}

/** Throws NodeError where the text is not a path. */
export const parsePath = byName((text: string): Path => {
  const problem = pathProblem(text)
  if (problem !== null) throw new NodeError('WC_FIELD_PATH', `${JSON.stringify(text.slice(0, 100))}: ${problem}`)
  return text.split('.')
})

/** What stands at the path, of own properties only; undefined where it leads nowhere. */
export function readPath (value: unknown, path: Path): unknown {
  let current = value
  for (const segment of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined
    current = (current as Record<string, unknown>)[segment]
  }
  return current
}

/**
 * Writes into a draft, which is the caller's own. `owned` holds the containers that were made for this
 * draft: what is not in it belongs to an item and is copied before the first write.
 * What is missing on the way, or is no container, becomes an object, or a list where the next part is `0`.
 */
export function writePath (draft: Record<string, unknown>, path: Path, value: unknown, owned: Set<object>): void {
  let container: Record<string, unknown> | unknown[] = draft
  for (const [depth, segment] of path.slice(0, -1).entries()) {
    const next = ownContainer(readPath(container, [segment]), path[depth + 1] ?? '', owned)
    assign(container, segment, next, path)
    container = next
  }
  assign(container, path.at(-1) ?? '', value, path)
}

/** The patch that writes into an item: the top-level properties on the way, and of those what is written into copied. */
export function patchOf (json: JsonObject, writes: readonly Write[]): JsonObject {
  const names = writes.flatMap(([[top]]) => top !== undefined && Object.hasOwn(json, top) ? [top] : [])
  return write(Object.fromEntries(names.map(name => [name, json[name]])), writes)
}

/** The same for fields that are named by their paths. */
export function patchOfFields (json: JsonObject, fields: Readonly<Record<string, unknown>>): JsonObject {
  return topLevelOf(fields) ?? patchOf(json, Object.entries(fields).map(([name, value]): Write => [parsePath(name), value]))
}

/** As most are: nothing has to be copied for them. Undefined where one leads deeper. */
function topLevelOf (fields: Readonly<Record<string, unknown>>): JsonObject | undefined {
  const draft: JsonObject = {}
  for (const name of Object.keys(fields)) {
    if (parsePath(name).length > 1) return undefined
    const value = fields[name]
    draft[name] = value === undefined ? null : value
  }
  return draft
}

/** Writes into a draft of the caller's own; what an expression left undefined is null. */
export function write (draft: JsonObject, writes: readonly Write[]): JsonObject {
  const owned = new Set<object>()
  for (const [path, value] of writes) writePath(draft, path, value === undefined ? null : value, owned)
  return draft
}

function ownContainer (found: unknown, nextSegment: string, owned: Set<object>): Record<string, unknown> | unknown[] {
  if (typeof found === 'object' && found !== null && owned.has(found)) return found as Record<string, unknown>
  const copy = Array.isArray(found)
    ? [...found]
    : isPlain(found) ? { ...found } : nextSegment === '0' ? [] : {}
  owned.add(copy)
  return copy
}

function assign (container: Record<string, unknown> | unknown[], segment: string, value: unknown, path: Path): void {
  if (!Array.isArray(container)) {
    container[segment] = value
    return
  }
  // A gap of a billion empty places is a few characters in a path and a few gigabytes in a body.
  if (!INDEX.test(segment) || Number(segment) > container.length) {
    throw new NodeError('WC_FIELD_PATH', `${path.join('.')}: ${segment} is not a position in, or just after, a list of ${container.length}`)
  }
  container[Number(segment)] = value
}

function isPlain (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

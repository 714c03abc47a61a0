import type { BinaryRef, JsonObject, OutputItem } from '../item.ts'
import { NodeError } from '../node-error.ts'
import type { CodeItem } from './run-code.ts'

/**
 * The items that a run of code made. What it says comes from outside: positions are checked, and binary data is what
 * went in; a reference that the code made up could name the file of another organization.
 * @param count how many input items the run had, the first of them being item `at` of the node's
 */
export function readItems (items: readonly CodeItem[], at: number, count: number, binaries: () => ReadonlyMap<string, BinaryRef>): OutputItem[] {
  let known: ReadonlyMap<string, BinaryRef> | undefined
  return items.map((item, index): OutputItem => {
    const from = readFrom(item.from, at, count, index)
    const source = from === undefined ? {} : { from }
    if (item.json === undefined) return source
    if (!isObject(item.json)) throw refused(index, 'is no object')
    if (item.binary === undefined) return { ...source, json: item.json }
    known ??= binaries()
    return { ...source, json: item.json, binary: readBinary(item.binary, known, index) }
  })
}

function readFrom (from: unknown, at: number, count: number, index: number): OutputItem['from'] {
  const position = (value: unknown): number => {
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) >= count) throw refused(index, 'comes from no input item')
    return Number(value) + at
  }
  if (from === undefined) return undefined
  return Array.isArray(from) ? from.map(position) : position(from)
}

function readBinary (value: unknown, known: ReadonlyMap<string, BinaryRef>, index: number): Record<string, BinaryRef> {
  const refs = isObject(value) ? Object.entries(value).map(([name, ref]) => [name, isObject(ref) ? known.get(String(ref['fileId'])) : undefined] as const) : undefined
  if (refs === undefined || refs.some(([, ref]) => ref === undefined)) {
    throw refused(index, 'has binary data that none of its input items has')
  }
  return Object.fromEntries(refs) as Record<string, BinaryRef>
}

function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refused (index: number, why: string): NodeError {
  return new NodeError('WC_CODE_RETURN', `Item ${index} of what the code returned ${why}`, { pointer: '/code' })
}

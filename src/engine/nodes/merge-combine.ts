import type { BinaryRef, Item, JsonObject, OutputItem } from '../item.ts'
import { assertItemCount } from './item-count.ts'

/** An item with its position in the concatenation of all inputs, which lineage refers to. */
export interface Source {
  readonly item: Item
  readonly position: number
}

export type Clash = 'preferA' | 'preferB' | 'suffix'

/** One place an input; undefined where that input has no partner to give. */
export type Group = readonly (Source | undefined)[]

export function numberInputs (inputs: readonly (readonly Item[])[]): readonly Source[][] {
  let position = 0
  return inputs.map(items => items.map(item => ({ item, position: position++ })))
}

export function concatenate (sources: readonly Source[][]): readonly OutputItem[] {
  return sources.flat().map(({ position }) => ({ from: position }))
}

export function chooseBranch (sources: readonly Source[][], branch: number | undefined): readonly OutputItem[] {
  const chosen = branch === undefined ? sources.find(items => items.length > 0) : sources[branch]
  return concatenate([chosen ?? []])
}

export function combineByPosition (sources: readonly Source[][], toLongest: boolean): readonly Group[] {
  const lengths = sources.map(items => items.length)
  const length = toLongest ? Math.max(...lengths) : Math.min(...lengths)
  return Array.from({ length }, (_, index) => sources.map(items => items[index]))
}

export function allPairs (sources: readonly Source[][]): readonly Group[] {
  assertItemCount(sources.reduce((product, items) => product * items.length, 1))
  return sources.reduce<Source[][]>((groups, items) =>
    groups.flatMap(group => items.map(item => [...group, item])), [[]])
}

/**
 * One item of several. Where values of the first stay or are replaced it is a patch of the first, so that
 * only what the others add is stored; suffixes take fields away from it and need the whole.
 */
export function combine (group: Group, names: readonly string[], clash: Clash): OutputItem {
  const present = group.flatMap((source, index) => source === undefined ? [] : [{ ...source, name: names[index] ?? '' }])
  const [first, ...others] = present
  if (first === undefined) return { json: {} }
  const from = present.map(({ position }) => position)
  if (others.length === 0) return { from }
  const binary = combineBinary(present.map(({ item }) => item))
  if (clash === 'suffix') return { from, json: withSuffixes(present), ...binary }
  return { from, patch: clash === 'preferB' ? lastWins(others) : onlyNew(first.item.json, others), ...binary }
}

interface Named extends Source {
  readonly name: string
}

function lastWins (others: readonly Named[]): JsonObject {
  const [only, ...more] = others
  if (only !== undefined && more.length === 0) return only.item.json
  return Object.fromEntries(others.flatMap(({ item }) => Object.entries(item.json)))
}

function onlyNew (first: JsonObject, others: readonly Named[]): JsonObject {
  const patch = new Map<string, unknown>()
  for (const [name, value] of others.flatMap(({ item }) => Object.entries(item.json))) {
    if (!Object.hasOwn(first, name) && !patch.has(name)) patch.set(name, value)
  }
  return Object.fromEntries(patch)
}

function withSuffixes (present: readonly Named[]): JsonObject {
  const holders = new Map<string, number>()
  for (const name of present.flatMap(({ item }) => Object.keys(item.json))) holders.set(name, (holders.get(name) ?? 0) + 1)
  return Object.fromEntries(present.flatMap(({ item, name: input }) =>
    Object.entries(item.json).map(([name, value]) => [holders.get(name) === 1 ? name : `${name}_${input}`, value])))
}

function combineBinary (items: readonly Item[]): { binary?: Record<string, BinaryRef> } {
  const entries = items.flatMap(({ binary = {} }) => Object.entries(binary))
  return entries.length === 0 ? {} : { binary: Object.fromEntries(entries) }
}

import type { JsonObject, OutputItem } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { isPlainObject } from '../../validation/json-schema.ts'
import type { NodeOutcome } from '../node-type.ts'
import { NODE_OUTPUT, plainJson } from './plain-json.ts'

const ITEM = new Set(['from', 'json', 'patch'])

/**
 * What a run of a package's node answered, read as what comes from outside.
 * @param count how many items its inputs have together
 */
export function readOutcome (outcome: unknown, names: readonly string[], count: () => number): NodeOutcome {
  const outputs = isPlainObject(outcome) ? outcome['outputs'] : undefined
  if (!isPlainObject(outputs)) throw refused('What the node answered has no `outputs`')
  const total = count()
  return {
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, items]) => {
      if (!names.includes(name)) throw refused(`The node answered with an output ${JSON.stringify(name.slice(0, 64))}, which it does not have`)
      if (!Array.isArray(items)) throw refused(`The output ${name} is no list of items`)
      return [name, items.map((item: unknown, index) => readItem(item, `item ${index} of the output ${name}`, total))]
    }))
  }
}

function readItem (item: unknown, what: string, count: number): OutputItem {
  if (!isPlainObject(item)) throw refused(`The ${what} is no object`)
  const unknown = Object.keys(item).find(key => !ITEM.has(key))
  if (unknown !== undefined) throw refused(`The ${what} has a property ${JSON.stringify(unknown.slice(0, 64))}; items have json, patch and from`)
  const { from, json, patch } = item
  return {
    ...(from === undefined ? {} : { from: readFrom(from, what, count) }),
    ...(json === undefined ? {} : { json: readObject(json, `json of ${what}`) }),
    ...(patch === undefined ? {} : { patch: readObject(patch, `patch of ${what}`) })
  }
}

function readFrom (from: unknown, what: string, count: number): number | readonly number[] {
  const position = (value: unknown): number => {
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) >= count) throw refused(`The ${what} comes from no input item`)
    return Number(value)
  }
  return Array.isArray(from) ? from.map(position) : position(from)
}

function readObject (value: unknown, what: string): JsonObject {
  const plain = plainJson(value, what)
  if (!isPlainObject(plain)) throw refused(`The ${what} is no object`)
  return plain
}

function refused (message: string): NodeError {
  return new NodeError(NODE_OUTPUT, message)
}

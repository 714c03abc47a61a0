import type { CodeAnswer, CodeFailure, CodeItem } from '../engine/code/run-code.ts'
import { exceededJsonLimit } from '../lib/json-limits.ts'
import { checkStorable, JsonError } from '../lib/strict-json.ts'

/** Milliseconds of parsing between two turns of the event loop. */
const SLICE = 10
const KINDS = new Set<unknown>(['thrown', 'return', 'timeout', 'memory', 'output', 'pending'])

export interface ProcessAnswer extends Omit<CodeAnswer, 'elapsed'> {
  /** Whether the process is to be replaced. */
  readonly spent: boolean
}

/** Reads what a process said, which may be anything: whoever breaks out of the sandbox has it speak. Throws where it makes no sense. */
export async function readAnswer (text: string): Promise<ProcessAnswer> {
  const lines = text.split('\n')
  const { logs, spent, failure } = JSON.parse(lines[0]!) as { logs?: unknown, spent?: unknown, failure?: unknown }
  const head = { logs: readLogs(logs), spent: spent === true }
  if (failure !== undefined) return { ...head, result: { failure: readFailure(failure) } }
  return { ...head, result: await readItems(lines) }
}

async function readItems (lines: readonly string[]): Promise<CodeAnswer['result']> {
  const items: CodeItem[] = []
  let sliceEnd = performance.now() + SLICE
  for (let index = 1; index < lines.length; index++) {
    const item = readItem(lines[index]!)
    if (typeof item === 'string') return { failure: { kind: 'return', message: `Item ${index - 1} of what the code returned ${item}` } }
    items.push(item)
    if (performance.now() < sliceEnd) continue
    await new Promise(resolve => setImmediate(resolve))
    sliceEnd = performance.now() + SLICE
  }
  return { items }
}

/** The item, or what is wrong with it. */
function readItem (line: string): CodeItem | string {
  const excess = exceededJsonLimit(line)
  if (excess !== undefined) return `is ${excess}`
  const item: unknown = JSON.parse(line)
  try {
    checkStorable(item, line)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    const place = error.pointer === '' ? '' : ` (at ${error.pointer})`
    return `${error.fault === 'prototype' ? 'has a key __proto__' : error.message}${place}`
  }
  if (!isRecord(item)) throw new Error('An item is no object')
  return item
}

function readLogs (value: unknown): CodeAnswer['logs'] {
  if (!Array.isArray(value)) throw new Error('The log is no list')
  return value.map((line: unknown) => {
    if (!Array.isArray(line)) throw new Error('A line of the log is no pair')
    return [String(line[0]), String(line[1])]
  })
}

function readFailure (value: unknown): CodeFailure {
  if (!isRecord(value) || !KINDS.has(value['kind'])) throw new Error('The failure is of no known kind')
  const { kind, message, line, column, item } = value
  return {
    kind: kind as CodeFailure['kind'],
    ...(typeof message === 'string' ? { message } : {}),
    ...(isCount(line) ? { line } : {}),
    ...(isCount(column) ? { column } : {}),
    ...(isCount(item) ? { item } : {})
  }
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

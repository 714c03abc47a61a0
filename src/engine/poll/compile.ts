import { compileParameters, compileTemplate, hasExpression, type CompiledParameters, type ExpressionScope } from '../expression/index.ts'
import { NodeError } from '../node-error.ts'
import type { PlanNode } from '../plan.ts'
import { parsePath, readPath } from '../nodes/paths.ts'
import { isPlainObject } from '../nodes/plain-object.ts'
import { REQUEST_NAMES, type PollParameters } from '../nodes/poll-parameters.ts'

/** The parts of a poll node that are evaluated at different moments, each compiled for itself. */
export interface CompiledPoll {
  readonly written: PollParameters
  readonly request: CompiledParameters
  /** Of an item; undefined where it has none. */
  keyOf (json: unknown, scope: () => ExpressionScope): unknown
  /** Undefined where the cursor stays where it is. */
  cursor (scope: ExpressionScope): unknown
  initialCursor (scope: ExpressionScope): unknown
}

const compiled = new WeakMap<PlanNode, CompiledPoll>()

/** Nodes are immutable, so it is done once for each. */
export function compilePoll (node: PlanNode): CompiledPoll {
  let found = compiled.get(node)
  if (found === undefined) {
    found = compile(node.written as PollParameters)
    compiled.set(node, found)
  }
  return found
}

function compile (written: PollParameters): CompiledPoll {
  const { items, pagination } = written
  const request = Object.fromEntries(REQUEST_NAMES.filter(name => Object.hasOwn(written, name)).map(name => [name, written[name as keyof PollParameters]]))
  return {
    written,
    // Pages end with the first that is empty, so they are told where their items are.
    request: compileParameters(pagination === undefined || items === undefined ? request : { ...request, pagination: { ...pagination, items } }),
    keyOf: keyReader(written.key),
    cursor: cursorReader(written.cursor),
    initialCursor: single('initialCursor', written.initialCursor)
  }
}

function keyReader (key: string | undefined): CompiledPoll['keyOf'] {
  if (key === undefined) return () => undefined
  if (!hasExpression(key)) {
    const path = parsePath(key)
    return json => readPath(json, path)
  }
  const evaluate = single('key', key)
  return (_json, scope) => evaluate(scope())
}

function single (name: string, value: unknown): (scope: ExpressionScope) => unknown {
  if (value === undefined) return () => undefined
  const parameters = compileParameters({ [name]: value })
  return scope => (parameters.evaluate(scope) as Record<string, unknown>)[name]
}

/**
 * A cursor moves whole or not at all: one of which an expression comes to nothing, as over an answer without items, would ask for
 * something else from then on.
 */
function cursorReader (written: unknown): CompiledPoll['cursor'] {
  if (written === undefined) return () => undefined
  let hasHole = false
  const notice = (part: string): string => {
    hasHole ||= part === ''
    return part
  }
  const parameters = compileParameters({ cursor: written }, { escape: (_pointer, text) => compileTemplate(text).isSingle ? undefined : notice })
  return scope => {
    hasHole = false
    const { cursor } = parameters.evaluate(scope) as { cursor?: unknown }
    return hasHole || isNothing(cursor) || cameToNothing(written, cursor) ? undefined : checked(cursor)
  }
}

/** Whether an expression did; what is written out stands as it is. */
function cameToNothing (written: unknown, value: unknown): boolean {
  if (typeof written === 'string') return hasExpression(written) && isNothing(value)
  if (Array.isArray(written)) return written.some((part, index) => cameToNothing(part, (value as unknown[])[index]))
  if (isPlainObject(written)) return Object.entries(written).some(([name, part]) => cameToNothing(part, (value as Record<string, unknown>)[name]))
  return false
}

function isNothing (value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isNothing)
  return value === undefined || value === null || value === ''
}

function checked (value: unknown): unknown {
  if (JSON.stringify(value).length > MAX_CURSOR) throw new NodeError('WC_POLL_CURSOR', `The cursor is larger than ${MAX_CURSOR} characters`, { pointer: '/cursor' })
  return value
}

/** Of its JSON text, in characters: it is a place, and not what is found there. */
export const MAX_CURSOR = 16_384

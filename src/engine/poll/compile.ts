import { compileParameters, hasExpression, type CompiledParameters, type ExpressionScope } from '../expression/index.ts'
import { NodeError } from '../node-error.ts'
import type { PlanNode } from '../plan.ts'
import { parsePath, readPath } from '../nodes/paths.ts'
import { REQUEST_NAMES, type PollParameters } from '../nodes/poll-parameters.ts'

/** The parts of a poll node that are evaluated at different moments, each compiled for itself. */
export interface CompiledPoll {
  readonly written: PollParameters
  readonly request: CompiledParameters
  /** Of an item; undefined where it has none. */
  keyOf (json: unknown, scope: () => ExpressionScope): unknown
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
    cursor: single('cursor', written.cursor),
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

/** What an expression of a cursor came to: undefined where the cursor stays where it is. */
export function cursorValue (value: unknown): unknown {
  if (value === undefined || value === null || value === '') return undefined
  if (JSON.stringify(value).length > MAX_CURSOR) throw new NodeError('WC_POLL_CURSOR', `The cursor is larger than ${MAX_CURSOR} characters`, { pointer: '/cursor' })
  return value
}

/** Of its JSON text, in characters: it is a place, and not what is found there. */
export const MAX_CURSOR = 16_384

import { NodeError } from '../node-error.ts'
import { DEFAULT_LIMITS, MAX_CALLS, MAX_ELEMENTS, MAX_STACK, MAX_TEXT } from './limits.ts'
import type { ExpressionScope } from './scope.ts'

/** Steps between two looks at the clock. */
const SLICE = 1024

/**
 * The evaluation in progress. Evaluation is synchronous, so one object serves the whole process and an
 * evaluation allocates nothing for its bookkeeping; `nested` saves it where a host's view evaluates in turn.
 */
export interface Run {
  scope: ExpressionScope
  active: boolean
  /** Steps left in this slice. */
  fuel: number
  /** Steps left after this slice. */
  reserve: number
  /** Zero until the first slice is used up: short evaluations never read the clock. */
  deadline: number
  time: number
  allocation: number
  calls: number
  stack: number
  /** Arrays and objects that this evaluation made and may change; null where the source changes none. */
  owned: Set<object> | null
  /** What the `return` being unwound carries. */
  returned: unknown
  /** Offset of the call in progress, for errors. */
  position: number
}

export const run: Run = {
  scope: undefined as never,
  active: false,
  fuel: 0,
  reserve: 0,
  deadline: 0,
  time: 0,
  allocation: 0,
  calls: 0,
  stack: 0,
  owned: null,
  returned: undefined,
  position: 0
}

export function begin (scope: ExpressionScope, tracksOwnership: boolean): void {
  const limits = scope.limits
  run.scope = scope
  run.active = true
  run.fuel = SLICE
  run.reserve = (limits?.steps ?? DEFAULT_LIMITS.steps) - SLICE
  run.deadline = 0
  run.time = limits?.time ?? DEFAULT_LIMITS.time
  run.allocation = limits?.allocation ?? DEFAULT_LIMITS.allocation
  run.calls = 0
  run.stack = 0
  run.owned = tracksOwnership ? new Set() : null
  run.returned = undefined
  run.position = 0
}

/** Ends the evaluation; what it saw and made must not live on in a module variable. */
export function end (): void {
  run.scope = undefined as never
  run.active = false
  run.owned = null
  run.returned = undefined
}

export function exceeded (what: string): never {
  throw new NodeError('WC_EXPRESSION_LIMIT', `The expression exceeds a limit: ${what}`, { position: run.position })
}

export function fail (code: string, message: string, position = run.position): never {
  throw new NodeError(code, message, { position })
}

export function typeFailure (message: string, position = run.position): never {
  return fail('WC_EXPRESSION_TYPE', message, position)
}

function refuel (): void {
  // Slices cost one look at the clock each, whatever more than a slice a single operation spent.
  run.reserve += run.fuel
  if (run.reserve <= 0) exceeded('too many steps')
  const slice = Math.min(SLICE, run.reserve)
  run.reserve -= slice
  run.fuel = slice
  checkClock()
}

export function checkClock (): void {
  const now = performance.now()
  if (run.deadline === 0) run.deadline = now + run.time
  else if (now > run.deadline) exceeded(`more than ${run.time} ms`)
}

/** Pays for `steps`, before the work they stand for. */
export function spend (steps: number): void {
  if ((run.fuel -= steps) < 0) refuel()
}

/** Pays for text of `length` characters that is about to be made. */
export function allocateText (length: number): void {
  if (!(length <= MAX_TEXT)) exceeded(`a text of more than ${MAX_TEXT} characters`)
  if ((run.allocation -= length) < 0) exceeded('too much memory')
  spend(1 + (length >> 8))
}

/** Pays for `count` elements that are about to be made. */
export function allocateElements (count: number): void {
  if (!(count <= MAX_ELEMENTS)) exceeded(`more than ${MAX_ELEMENTS} elements`)
  if ((run.allocation -= count * 8) < 0) exceeded('too much memory')
  spend(1 + (count >> 2))
}

export function enterCall (weight: number): void {
  if (++run.calls > MAX_CALLS || (run.stack += weight) > MAX_STACK) exceeded('calls nested too deeply')
}

export function leaveCall (weight: number): void {
  run.calls--
  run.stack -= weight
}

/** Marks what the evaluation made as its own to change. */
export function own<T extends object> (value: T): T {
  if (run.owned !== null) run.owned.add(value)
  return value
}

export function isOwned (value: object): boolean {
  return run.owned !== null && run.owned.has(value)
}

import { enterCall, leaveCall, spend, typeFailure } from '../run.ts'
import { GuestValue, KIND, kindName } from './kind.ts'

/**
 * Local variables of one call: 0 is the frame of the enclosing function, 1 to 3 the first three arguments
 * (so that callbacks need no argument list), then everything else.
 */
export type Frame = unknown[]
export type Code = (frame: Frame) => unknown

export const FIRST_ARGUMENT = 1
export const PLAIN_PARAMETERS = 3

export interface FunctionShape {
  /** All slots of the frame. */
  readonly slots: number
  /** Fills the frame from the arguments; null where all parameters are at most three plain names. */
  readonly bind: ((frame: Frame, args: readonly unknown[]) => void) | null
  /** Where the function's own name is, or 0. */
  readonly self: number
  readonly body: Code
  /** Steps that a call takes besides what it calls itself. */
  readonly cost: number
  /** Levels of host stack. */
  readonly weight: number
}

/** A function written in an expression. */
export class Closure extends GuestValue {
  readonly shape: FunctionShape
  readonly parent: Frame

  /** No field: one is made each time that `x => …` is evaluated. */
  get kind (): typeof KIND.function {
    return KIND.function
  }

  constructor (shape: FunctionShape, parent: Frame) {
    super()
    this.shape = shape
    this.parent = parent
  }
}

export type Native = (args: readonly unknown[]) => unknown

/** An allowed global: a function, or a bag of them. The host's function itself is never a value. */
export class Builtin extends GuestValue {
  readonly kind = KIND.function
  readonly name: string
  readonly invoke: Native | null
  readonly construct: Native | null
  readonly methods: Readonly<Record<string, Native>>
  readonly values: Readonly<Record<string, unknown>>
  readonly test: ((value: unknown) => boolean) | null

  constructor (name: string, parts: BuiltinParts) {
    super()
    this.name = name
    this.invoke = parts.invoke ?? null
    this.construct = parts.construct ?? null
    this.methods = parts.methods ?? {}
    this.values = parts.values ?? {}
    this.test = parts.test ?? null
  }
}

export interface BuiltinParts {
  readonly invoke?: Native
  readonly construct?: Native
  readonly methods?: Readonly<Record<string, Native>>
  readonly values?: Readonly<Record<string, unknown>>
  /** `instanceof` */
  readonly test?: (value: unknown) => boolean
}

export type Callable = Closure | Builtin

export function isCallable (value: unknown): value is Callable {
  return value instanceof Closure || (value instanceof Builtin && value.invoke !== null)
}

export function toCallable (value: unknown): Callable {
  return isCallable(value) ? value : typeFailure(`A function is needed here, not ${kindName(value)}`)
}

/** Calls with three arguments or fewer, the rest undefined; what callbacks get. */
export function call3 (callee: Callable, a: unknown, b: unknown, c: unknown): unknown {
  if (callee instanceof Builtin) return callee.invoke!([a, b, c])
  const shape = callee.shape
  if (shape.bind !== null) return callAll(callee, [a, b, c])
  const frame: Frame = [callee.parent, a, b, c]
  return runBody(callee, frame, shape)
}

/** As `callAll`, for a fourth argument that hardly anyone takes: without a list where the callee cannot see it. */
export function call4 (callee: Callable, a: unknown, b: unknown, c: unknown, d: unknown): unknown {
  return callee instanceof Closure && callee.shape.bind === null ? call3(callee, a, b, c) : callAll(callee, [a, b, c, d])
}

export function callAll (callee: Callable, args: readonly unknown[]): unknown {
  if (callee instanceof Builtin) return callee.invoke!(args)
  const shape = callee.shape
  const frame: Frame = [callee.parent, args[0], args[1], args[2]]
  if (shape.bind === null) return runBody(callee, frame, shape)
  return runBody(callee, frame, shape, args)
}

function runBody (callee: Closure, frame: Frame, shape: FunctionShape, args?: readonly unknown[]): unknown {
  spend(shape.cost)
  enterCall(shape.weight)
  for (let slot = PLAIN_PARAMETERS + 1; slot < shape.slots; slot++) frame.push(undefined)
  if (shape.self !== 0) frame[shape.self] = callee
  if (args !== undefined) shape.bind!(frame, args)
  const result = shape.body(frame)
  leaveCall(shape.weight)
  return result
}

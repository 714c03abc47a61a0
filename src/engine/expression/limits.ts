/** What one evaluation may use; a scope may set its own. */
export interface ExpressionLimits {
  /** Function calls, loop turns and work on elements, in rough units of one closure call. */
  readonly steps: number
  /** milliseconds */
  readonly time: number
  /** Characters made, with eight for an array's element: bounds what the garbage collector has to carry. */
  readonly allocation: number
}

export const DEFAULT_LIMITS: ExpressionLimits = { steps: 5_000_000, time: 100, allocation: 64 * 1024 * 1024 }

/** Characters of one expression. */
export const MAX_SOURCE = 64 * 1024
/** Levels of nesting in one expression's syntax tree. */
export const MAX_NESTING = 256
/** Characters of any string that an operation makes. */
export const MAX_TEXT = 4 * 1024 * 1024
/** Elements of any array, set or map that an operation makes. */
export const MAX_ELEMENTS = 1_000_000
/** Nested calls of functions written in the expression. */
export const MAX_CALLS = 200
/**
 * Levels of syntax tree on the host's stack, over all nested calls. A level takes up to two host frames of
 * about 150 bytes; the stack holds 984 KiB.
 */
export const MAX_STACK = 2_000
/** Levels of nested data, in results and in parsed JSON. */
export const MAX_DATA_DEPTH = 512
/** Characters of a whole result written as JSON, roughly. */
export const MAX_RESULT = 16 * 1024 * 1024

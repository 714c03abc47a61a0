/** One message to the sandbox. */
export interface CodeRun {
  /** milliseconds of running; waiting for a process is not counted */
  readonly timeout: number
  /** Whether the code uses luxon, which takes a moment to load. */
  readonly dates: boolean
  /**
   * The head that the sandbox's guest reads, the code, and the items that it may ask for: a JSON text each, without
   * line breaks. Made when a process is free, so that what waits costs nothing.
   */
  lines (): readonly string[]
}

/** What went wrong in the code, or with what it returned. */
export interface CodeFailure {
  readonly kind: 'thrown' | 'return' | 'timeout' | 'memory' | 'output' | 'pending'
  readonly message?: string
  /** In the code, both from 1. */
  readonly line?: number
  readonly column?: number
  /** The input item in work, in mode `each`. */
  readonly item?: number
}

/** What the code made of one item. Data from outside: only that it is JSON is known. */
export interface CodeItem {
  /** Positions among the input items of this run. */
  readonly from?: unknown
  /** Absent: the item at `from`, unchanged. */
  readonly json?: unknown
  readonly binary?: unknown
}

export interface CodeAnswer {
  /** Level and text of what the code wrote to its console. */
  /** milliseconds that the run took */
  readonly elapsed: number
  readonly logs: readonly (readonly [level: string, text: string])[]
  readonly result: { readonly items: readonly CodeItem[] } | { readonly failure: CodeFailure }
}

/** Runs code where it can do no harm. Rejects with NodeError where the sandbox failed, not the code. */
export type RunCode = (run: CodeRun) => Promise<CodeAnswer>

/** One thing that is wrong; `pointer` is a JSON pointer (RFC 6901) into the workflow. */
export interface Issue {
  readonly pointer: string
  readonly message: string
  readonly code: string
}

/** A draft may be saved with what only a running workflow cannot do without. */
export type Stage = 'save' | 'publish'

export interface ValidationResult {
  readonly errors: readonly Issue[]
  readonly warnings: readonly Issue[]
}

// A body of 16 MB can hold millions of mistakes; an answer that lists them all helps nobody.
export const MAX_ISSUES = 1000
const MAX_QUOTED = 64

/** Collects issues in the order in which they are found. */
export class Report {
  readonly #errors: Issue[] = []
  readonly #warnings: Issue[] = []
  readonly #pointers = new Set<string>()
  readonly #stage: Stage
  #moreErrors = false
  #moreWarnings = false

  constructor (stage: Stage) {
    this.#stage = stage
  }

  error (pointer: string, code: string, message: string): void {
    this.#pointers.add(pointer)
    if (this.#errors.length < MAX_ISSUES) this.#errors.push({ pointer, message, code })
    else this.#moreErrors = true
  }

  warning (pointer: string, code: string, message: string): void {
    if (this.#warnings.length < MAX_ISSUES) this.#warnings.push({ pointer, message, code })
    else this.#moreWarnings = true
  }

  /** What a draft may lack: a warning when it is saved, an error when it is published. */
  publishError (pointer: string, code: string, message: string): void {
    if (this.#stage === 'publish') this.error(pointer, code, message)
    else this.warning(pointer, code, message)
  }

  /** Whether an error at just this place is known already. */
  hasErrorAt (pointer: string): boolean {
    return this.#pointers.has(pointer)
  }

  /** Whether further errors are dropped. */
  get full (): boolean {
    return this.#errors.length >= MAX_ISSUES
  }

  result (): ValidationResult {
    return {
      errors: withRest(this.#errors, this.#moreErrors),
      warnings: withRest(this.#warnings, this.#moreWarnings)
    }
  }
}

function withRest (issues: readonly Issue[], more: boolean): readonly Issue[] {
  return more ? [...issues, { pointer: '', message: `there are more than these ${issues.length}`, code: 'WC_TOO_MANY_ISSUES' }] : issues
}

/** A step of a JSON pointer. */
export function step (key: string | number): string {
  if (typeof key === 'number') return `/${key}`
  // Most keys need no escape, and there may be hundreds of thousands of them.
  return /[~/]/.test(key) ? `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}` : `/${key}`
}

/** A value in a message: short, whatever the client sent. */
export function quote (value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= MAX_QUOTED ? text : `${text.slice(0, MAX_QUOTED)}…`
}

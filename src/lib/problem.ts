/** One thing that is wrong with the input. `pointer` is a JSON pointer (RFC 6901) into it. */
export interface InputError {
  readonly pointer: string
  readonly message: string
  readonly code: string
}

export interface ProblemOptions {
  readonly errors?: readonly InputError[]
  readonly headers?: Readonly<Record<string, string>>
  /** Members of their own (RFC 9457, section 3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** What a client is told in the form of RFC 9457. `detail` says what to do about it. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly errors: readonly InputError[] | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly extensions: Readonly<Record<string, unknown>>

  constructor (kind: ProblemKind, detail: string, { errors, headers = {}, extensions = {}, cause }: ProblemOptions = {}) {
    super(detail, cause === undefined ? {} : { cause })
    this.name = 'Problem'
    this.code = kind.code
    this.status = kind.status
    this.title = kind.title
    this.errors = errors
    this.headers = headers
    this.extensions = extensions
  }

  /** The same, with more headers. */
  with (headers: Readonly<Record<string, string>>): Problem {
    const { errors, extensions, cause } = this
    return new Problem(this, this.message, { headers: { ...this.headers, ...headers }, extensions, ...(errors === undefined ? {} : { errors }), ...(cause === undefined ? {} : { cause }) })
  }
}

export interface ProblemKind {
  readonly code: string
  readonly status: number
  readonly title: string
}

/** An entry of the catalogue: call it to get the error to throw. Codes are stable; titles and details are not. */
export type ProblemFactory<A extends readonly unknown[]> = ((...values: A) => Problem) & ProblemKind

export function defineProblem<A extends readonly unknown[]> (
  code: string, status: number, title: string, detail: (...values: A) => string | { detail: string } & ProblemOptions
): ProblemFactory<A> {
  const kind: ProblemKind = { code, status, title }
  const make = (...values: A): Problem => {
    const made = detail(...values)
    return typeof made === 'string' ? new Problem(kind, made) : new Problem(kind, made.detail, made)
  }
  return Object.assign(make, kind)
}

/** As clients get it. `instance` is the id of the request. */
export function problemBody ({ title, status, message, code, errors, extensions }: Problem, instance: string) {
  return {
    type: `urn:weconnect:problem:${code.replace(/^WC_/, '').toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: message,
    code,
    instance,
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...extensions
  }
}

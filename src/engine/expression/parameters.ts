import { NodeError } from '../node-error.ts'
import type { ExpressionScope } from './scope.ts'
import { ExpressionSyntaxError } from './syntax-error.ts'
import { compileTemplate, hasExpression } from './template.ts'
import type { Escape, Template } from './template.ts'
import { setOwn } from './values/own.ts'

export interface ParameterError {
  /** JSON pointer into the parameters. */
  readonly pointer: string
  readonly position: number
  readonly message: string
  readonly code: string
}

export interface ParameterReference {
  readonly nodeId: string
  readonly position: number
  readonly pointer: string
}

export interface CompiledParameters {
  /** All of them, not the first only. Evaluating parameters with errors throws. */
  readonly errors: readonly ParameterError[]
  readonly references: readonly ParameterReference[]
  /** Throws NodeError (WC_EXPRESSION_…) with the pointer of the parameter. */
  evaluate (scope: ExpressionScope): unknown
}

export interface CompileParametersOptions {
  /** Pointers of strings to leave as they are, though they look like expressions (such as code). */
  readonly literals?: ReadonlySet<string> | undefined
  /** For a string whose expressions stand within another language. */
  escape? (pointer: string, text: string): Escape | undefined
}

/** A subtree without expressions is its value, shared by all evaluations; others make theirs. */
type Part =
  | { readonly isStatic: true, readonly value: unknown }
  | { readonly isStatic: false, readonly make: (scope: ExpressionScope) => unknown }

/** The host's stack is no place for data of any depth. */
const MAX_DEPTH = 128

class ParameterCompiler {
  readonly errors: ParameterError[] = []
  readonly references: ParameterReference[] = []
  readonly #options: CompileParametersOptions

  constructor (options: CompileParametersOptions) {
    this.#options = options
  }

  compile (value: unknown, pointer: string, depth: number): Part {
    if (depth > MAX_DEPTH) return this.#refuse(pointer)
    if (typeof value === 'string') return this.#compileText(value, pointer)
    if (Array.isArray(value)) return this.#compileList(value, pointer, depth)
    if (typeof value === 'object' && value !== null) return this.#compileObject(value, pointer, depth)
    return { isStatic: true, value }
  }

  #refuse (pointer: string): Part {
    this.errors.push({ pointer, position: 0, message: `The parameters are nested more than ${MAX_DEPTH} levels`, code: 'WC_EXPRESSION_TOO_DEEP' })
    return { isStatic: true, value: null }
  }

  #compileText (text: string, pointer: string): Part {
    if (!hasExpression(text) || this.#options.literals?.has(pointer) === true) return { isStatic: true, value: text }
    let template: Template
    try {
      template = compileTemplate(text, this.#options.escape?.(pointer, text))
    } catch (error) {
      if (!(error instanceof ExpressionSyntaxError)) throw error
      const { position, message, code } = error
      this.errors.push({ pointer, position, message, code })
      return { isStatic: true, value: text }
    }
    this.references.push(...template.references.map((reference) => ({ ...reference, pointer })))
    return { isStatic: false, make: (scope) => evaluateAt(template, scope, pointer) }
  }

  #compileList (list: readonly unknown[], pointer: string, depth: number): Part {
    const parts = list.map((element, index) => this.compile(element, `${pointer}/${index}`, depth + 1))
    if (parts.every((part) => part.isStatic)) return { isStatic: true, value: Object.freeze(parts.map((part) => part.value)) }
    return { isStatic: false, make: (scope) => parts.map((part) => part.isStatic ? part.value : part.make(scope) ?? null) }
  }

  #compileObject (object: object, pointer: string, depth: number): Part {
    const parts = Object.entries(object).map(([key, value]) => {
      const place = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      return { key, part: this.compile(value, place, depth + 1) }
    })
    if (parts.every(({ part }) => part.isStatic)) {
      const value = {}
      for (const { key, part } of parts) setOwn(value, key, part.isStatic ? part.value : undefined)
      return { isStatic: true, value: Object.freeze(value) }
    }
    return { isStatic: false, make: (scope) => makeObject(parts, scope) }
  }
}

function makeObject (parts: readonly { key: string, part: Part }[], scope: ExpressionScope): unknown {
  const object = {}
  for (const { key, part } of parts) {
    const value = part.isStatic ? part.value : part.make(scope)
    if (value !== undefined) setOwn(object, key, value)
  }
  return object
}

function evaluateAt (template: Template, scope: ExpressionScope, pointer: string): unknown {
  try {
    return template.evaluate(scope)
  } catch (error) {
    if (error instanceof NodeError) throw new NodeError(error.code, error.message, { ...error.detail, pointer })
    throw error
  }
}

/** Compiles every string of a tree of parameters that holds an expression; keys are taken as they are. */
export function compileParameters (value: unknown, options: CompileParametersOptions = {}): CompiledParameters {
  const compiler = new ParameterCompiler(options)
  const root = compiler.compile(value, '', 0)
  const { errors, references } = compiler
  return {
    errors,
    references,
    evaluate: (scope) => {
      const [first] = errors
      if (first !== undefined) throw new NodeError(first.code, first.message, { pointer: first.pointer, position: first.position })
      return root.isStatic ? root.value : root.make(scope)
    }
  }
}

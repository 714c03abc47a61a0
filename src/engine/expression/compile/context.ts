import type { AnyNode, Expression, Statement } from 'acorn'
import { MAX_NESTING } from '../limits.ts'
import { ExpressionSyntaxError, notAllowed } from '../syntax-error.ts'
import { PLAIN_PARAMETERS } from '../values/function.ts'
import type { Code, Frame } from '../values/function.ts'
import type { Site } from '../library/read.ts'

/** What a statement leaves behind: nothing, or why the statements after it do not run. */
export const BREAK = Symbol('break')
export const CONTINUE = Symbol('continue')
/** The value is in `run.returned`. */
export const RETURN = Symbol('return')
export type Completion = typeof BREAK | typeof CONTINUE | typeof RETURN | undefined
export type StatementCode = (frame: Frame) => Completion

export interface Handlers {
  expression (node: AnyNode, context: Context): Code
  statement (node: AnyNode, context: Context): StatementCode
}

/** A static `$('id')`. */
export interface Reference {
  readonly nodeId: string
  readonly position: number
}

interface Binding {
  readonly slot: number
  readonly isConstant: boolean
}

/** The variables of one frame: those of a function, or of a loop's turn that closures may capture. */
interface FrameScope {
  readonly parent: FrameScope | null
  slots: number
  blocks: Map<string, Binding>[]
}

export interface ResolvedName extends Binding {
  /** Frames to go up. */
  readonly hops: number
}

/** The state of compiling one expression: which names are where, and what the expression uses. */
export class Context {
  readonly text: string
  readonly references: Reference[] = []
  /** Whether the expression may change what it made. */
  changes = false
  depth = 0
  /** The deepest level reached, for the stack that a call needs. */
  peak = 0
  nodes = 0
  readonly #handlers: Handlers
  #frame: FrameScope | null = null

  constructor (text: string, handlers: Handlers) {
    this.text = text
    this.#handlers = handlers
  }

  expression (node: Expression | AnyNode): Code {
    this.#enter(node)
    const code = this.#handlers.expression(node, this)
    this.depth--
    return code
  }

  statement (node: Statement | AnyNode): StatementCode {
    this.#enter(node)
    const code = this.#handlers.statement(node, this)
    this.depth--
    return code
  }

  #enter (node: AnyNode): void {
    this.nodes++
    if (++this.depth > MAX_NESTING) {
      throw new ExpressionSyntaxError('WC_EXPRESSION_TOO_DEEP', `The expression is nested more than ${MAX_NESTING} levels`, node.start)
    }
    this.reach(0)
  }

  /** Notes that evaluation goes `levels` deeper than this node. */
  reach (levels: number): void {
    this.peak = Math.max(this.peak, this.depth + levels)
  }

  /** Compiles `body` with a new frame; `slots` counts all variables found in it. */
  withFrame<T> (body: () => T): { result: T, slots: number } {
    const frame: FrameScope = { parent: this.#frame, slots: PLAIN_PARAMETERS + 1, blocks: [new Map()] }
    this.#frame = frame
    const result = body()
    this.#frame = frame.parent
    return { result, slots: frame.slots }
  }

  withBlock<T> (body: () => T): T {
    const { blocks } = this.#requireFrame(0)
    blocks.push(new Map())
    const result = body()
    blocks.pop()
    return result
  }

  declare (name: string, isConstant: boolean, position: number, slot?: number): number {
    const frame = this.#requireFrame(position)
    const names = frame.blocks.at(-1)!
    const known = names.get(name)
    if (known !== undefined) return known.slot
    const binding = { slot: slot ?? frame.slots++, isConstant }
    names.set(name, binding)
    return binding.slot
  }

  /** `var`: one variable a function, wherever it is written. */
  declareForFunction (name: string, position: number): number {
    const frame = this.#requireFrame(position)
    const names = frame.blocks[0]!
    const slot = names.get(name)?.slot ?? frame.slots++
    names.set(name, { slot, isConstant: false })
    return slot
  }

  resolve (name: string): ResolvedName | null {
    let hops = 0
    for (let frame = this.#frame; frame !== null; frame = frame.parent, hops++) {
      for (let index = frame.blocks.length - 1; index >= 0; index--) {
        const binding = frame.blocks[index]!.get(name)
        if (binding !== undefined) return { ...binding, hops }
      }
    }
    return null
  }

  #requireFrame (position: number): FrameScope {
    return this.#frame ?? notAllowed('Variables can be declared in functions only', position)
  }

  /** Where `object` is read, for the error that says what is undefined. */
  site (object: AnyNode): Site {
    const { text } = this
    return {
      position: object.start,
      describe: () => {
        const source = text.slice(object.start, object.end).replace(/\s+/g, ' ')
        return source.length > 100 ? `${source.slice(0, 97)}…` : source
      }
    }
  }
}

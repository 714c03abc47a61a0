import { getLineInfo, type AnyNode, type Program } from 'acorn'
import { parseBody } from '../expression/parse.ts'
import { ExpressionSyntaxError } from '../expression/syntax-error.ts'

/** Characters of one node's code. */
export const MAX_CODE = 128 * 1024

/** What the code reads of another node: what it does not read is not copied. */
export interface NodeUse {
  /** `.all()`, `.first()`, `.last()` */
  list: boolean
  /** `.item` */
  item: boolean
  /** `.itemMatching(i)` */
  matching: boolean
}

export interface CodeMention extends NodeUse {
  readonly nodeId: string
  readonly position: number
}

export interface CodeAnalysis {
  readonly fault: { readonly message: string, readonly position: number, readonly code: string } | undefined
  /** `$('id')`, in order. */
  readonly mentions: readonly CodeMention[]
  /** Texts that may name a node, where the code does more with `$` than call it with a name. */
  readonly candidates: readonly string[]
  /** Names that the code reads, its own included. */
  readonly names: ReadonlySet<string>
  /** Whether more of `$input` than the current item. */
  readonly wholeInput: boolean
  /** Whether luxon, or what it stands on. */
  readonly dates: boolean
}

const USES: Readonly<Record<string, Partial<NodeUse>>> = {
  all: { list: true }, first: { list: true }, last: { list: true }, item: { item: true }, itemMatching: { matching: true }, isExecuted: {}
}
/** Evaluated text can read what it likes. */
const DATES = ['$now', '$today', 'DateTime', 'Duration', 'Interval', 'luxon', 'Intl', 'eval', 'Function']
const NODE_ID = /^[A-Za-z0-9_-]{1,64}$/

/** Parses code and finds what it names. */
export function analyseCode (code: string): CodeAnalysis {
  const survey = new Survey()
  let fault: CodeAnalysis['fault']
  try {
    if (code.length > MAX_CODE) throw new ExpressionSyntaxError('WC_EXPRESSION_TOO_LONG', '', 0)
    survey.walk(parseBody(code, MAX_CODE))
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error
    fault = faultOf(error, code)
  }
  return { fault, mentions: survey.mentions, candidates: survey.dynamic ? survey.texts : [], names: survey.names, wholeInput: survey.wholeInput, dates: DATES.some(name => survey.names.has(name)) }
}

function faultOf ({ code, message, position }: ExpressionSyntaxError, text: string): NonNullable<CodeAnalysis['fault']> {
  if (code === 'WC_EXPRESSION_TOO_LONG') return { message: `is longer than ${MAX_CODE} characters`, position, code: 'WC_CODE_SIZE' }
  const { line, column } = getLineInfo(text, Math.min(position, text.length))
  const what = code === 'WC_EXPRESSION_TOO_DEEP' ? 'The code is nested too deeply' : message
  return { message: `${what} (line ${line}, column ${column + 1})`, position, code: 'WC_CODE_SYNTAX' }
}

class Survey {
  readonly mentions: CodeMention[] = []
  readonly texts: string[] = []
  readonly names = new Set<string>()
  dynamic = false
  wholeInput = false
  /** Nodes that have been read together with what stands around them. */
  readonly #done = new Set<AnyNode>()

  walk (program: Program): void {
    const waiting: AnyNode[] = [program]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      this.#visit(node)
      for (const value of Object.values(node)) {
        if (Array.isArray(value)) waiting.push(...value.filter(isNode).reverse())
        else if (isNode(value)) waiting.push(value)
      }
    }
    this.mentions.sort((a, b) => a.position - b.position)
  }

  #visit (node: AnyNode): void {
    switch (node.type) {
      case 'MemberExpression': return this.#member(node)
      case 'CallExpression': return this.#call(node, undefined)
      case 'Literal': return this.#text(node.value)
      case 'TemplateElement': return this.#text(node.value.cooked)
      case 'Identifier': return this.#name(node)
      default:
    }
  }

  #member (node: Extract<AnyNode, { type: 'MemberExpression' }>): void {
    const { object, property } = node
    const member = !node.computed && property.type === 'Identifier' ? property.name : undefined
    // `thing.items` reads no variable.
    if (member !== undefined) this.#done.add(property)
    if (object.type === 'CallExpression') this.#call(object, member)
    if (object.type !== 'Identifier' || object.name !== '$input') return
    this.#done.add(object)
    if (member !== 'item') this.wholeInput = true
  }

  #call (node: Extract<AnyNode, { type: 'CallExpression' }>, member: string | undefined): void {
    const { callee, arguments: [first] } = node
    if (callee.type !== 'Identifier' || callee.name !== '$' || this.#done.has(node)) return
    this.#done.add(node)
    const nodeId = first === undefined ? undefined : literalText(first)
    if (nodeId === undefined) return
    this.#done.add(callee)
    const use = member === undefined ? undefined : USES[member]
    const everything = use === undefined
    this.mentions.push({ nodeId, position: node.start, list: everything, item: everything, matching: everything, ...use })
  }

  #text (value: unknown): void {
    if (typeof value === 'string' && NODE_ID.test(value)) this.texts.push(value)
  }

  #name (node: Extract<AnyNode, { type: 'Identifier' }>): void {
    if (this.#done.has(node)) return
    this.names.add(node.name)
    // Evaluated text can read what it likes.
    if (node.name === '$' || node.name === 'eval') this.dynamic = true
    if (node.name === '$input' || node.name === 'items' || node.name === 'eval') this.wholeInput = true
  }
}

function literalText (node: AnyNode): string | undefined {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined
  return node.type === 'TemplateLiteral' && node.expressions.length === 0 ? node.quasis[0]?.value.cooked ?? undefined : undefined
}

function isNode (value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string' && 'start' in value
}

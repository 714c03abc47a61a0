import type { AnyNode, ChainExpression, ConditionalExpression, Expression, SequenceExpression, Statement } from 'acorn'
import { notAllowed } from '../syntax-error.ts'
import type { Code } from '../values/function.ts'
import { SKIPPED } from '../values/kind.ts'
import { compileAssignment, compileUpdate } from './assignment.ts'
import { compileCall, compileNew } from './call.ts'
import { BREAK, CONTINUE, Context } from './context.ts'
import type { Handlers, Reference, StatementCode } from './context.ts'
import { compileFunction } from './function.ts'
import { compileIdentifier, isGlobal } from './identifier.ts'
import { compileArray, compileLiteral, compileObject, compileTemplateLiteral } from './literal.ts'
import { compileFor, compileForIn, compileForOf, compileWhile } from './loop.ts'
import { compileMember } from './member.ts'
import { DATA_NAMES } from './names.ts'
import { compileBinary, compileLogical, compileUnary } from './operators.ts'
import { compileBlock, compileIf, compileReturn, compileSwitch, compileVariables, NOTHING } from './statement.ts'
import { compileThrow, compileTry } from './try.ts'

type ExpressionHandlers = { readonly [T in Expression['type']]?: (node: Extract<Expression, { type: T }>, context: Context) => Code }
type StatementHandlers = { readonly [T in Statement['type']]?: (node: Extract<Statement, { type: T }>, context: Context) => StatementCode }

/** The language: what is in neither table is not part of it. */
const EXPRESSIONS: ExpressionHandlers = {
  ArrayExpression: compileArray,
  ArrowFunctionExpression: compileFunction,
  AssignmentExpression: compileAssignment,
  BinaryExpression: compileBinary,
  CallExpression: compileCall,
  ChainExpression: compileChain,
  ConditionalExpression: compileConditional,
  FunctionExpression: compileFunction,
  Identifier: compileIdentifier,
  Literal: compileLiteral,
  LogicalExpression: compileLogical,
  MemberExpression: compileMember,
  NewExpression: compileNew,
  ObjectExpression: compileObject,
  SequenceExpression: compileSequence,
  TemplateLiteral: compileTemplateLiteral,
  UnaryExpression: compileUnary,
  UpdateExpression: compileUpdate
}

const STATEMENTS: StatementHandlers = {
  BlockStatement: compileBlock,
  BreakStatement: (node) => node.label ? notAllowed('Labels are not allowed', node.start) : () => BREAK,
  ContinueStatement: (node) => node.label ? notAllowed('Labels are not allowed', node.start) : () => CONTINUE,
  DoWhileStatement: compileWhile,
  EmptyStatement: () => NOTHING,
  ExpressionStatement: (node, context) => {
    const code = context.expression(node.expression)
    return (frame) => { code(frame) }
  },
  ForInStatement: compileForIn,
  ForOfStatement: compileForOf,
  ForStatement: compileFor,
  IfStatement: compileIf,
  ReturnStatement: compileReturn,
  SwitchStatement: compileSwitch,
  ThrowStatement: compileThrow,
  TryStatement: compileTry,
  VariableDeclaration: compileVariables,
  WhileStatement: compileWhile
}

function compileChain (node: ChainExpression, context: Context): Code {
  const chain = context.expression(node.expression)
  return (frame) => {
    const value = chain(frame)
    return value === SKIPPED ? undefined : value
  }
}

function compileConditional (node: ConditionalExpression, context: Context): Code {
  const test = context.expression(node.test)
  const consequent = context.expression(node.consequent)
  const alternate = context.expression(node.alternate)
  return (frame) => test(frame) ? consequent(frame) : alternate(frame)
}

function compileSequence (node: SequenceExpression, context: Context): Code {
  const codes = node.expressions.map((expression) => context.expression(expression))
  return (frame) => {
    let value: unknown
    for (const code of codes) value = code(frame)
    return value
  }
}

type Handler<T> = (node: AnyNode, context: Context) => T

function handlerOf<T> (table: object, node: AnyNode): Handler<T> {
  if (!Object.hasOwn(table, node.type)) {
    const name = node.type.replace(/(?:Expression|Statement|Declaration)$/, '').replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
    return notAllowed(`This syntax is not allowed in expressions (${name})`, node.start)
  }
  return (table as Record<string, Handler<T>>)[node.type]!
}

const HANDLERS: Handlers = {
  expression: (node, context) => handlerOf<Code>(EXPRESSIONS, node)(node, context),
  statement: (node, context) => handlerOf<StatementCode>(STATEMENTS, node)(node, context)
}

export interface CompiledExpression {
  readonly code: Code
  readonly references: readonly Reference[]
  /** Whether the evaluation must know what it made, to change it. */
  readonly changes: boolean
  /** Whether the value is the host's own data, which needs no conversion. */
  readonly isHostData: boolean
}

/** Compiles the syntax tree of one expression of `text` to closures; throws ExpressionSyntaxError. */
export function compileExpression (node: Expression, text: string): CompiledExpression {
  const context = new Context(text, HANDLERS)
  const code = context.expression(node)
  let root: AnyNode = node
  while (root.type === 'MemberExpression' && !root.optional) root = root.object
  const isHostData = [...DATA_NAMES].some((name) => isGlobal(root, name, context))
  return { code, references: context.references, changes: context.changes, isHostData }
}

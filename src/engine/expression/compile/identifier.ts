import type { AnyNode, Identifier } from 'acorn'
import { luxon } from '../load.ts'
import { DATE_NAMES, GLOBALS } from '../library/globals.ts'
import { notAllowed } from '../syntax-error.ts'
import type { Code, Frame } from '../values/function.ts'
import type { Context, ResolvedName } from './context.ts'
import { ABSENT_NAMES, SCOPE_NAMES } from './names.ts'

export const UNDEFINED: Code = () => undefined

export function readVariable ({ hops, slot }: ResolvedName): Code {
  if (hops === 0) return (frame) => frame[slot]
  if (hops === 1) return (frame) => (frame[0] as Frame)[slot]
  if (hops === 2) return (frame) => ((frame[0] as Frame)[0] as Frame)[slot]
  return (frame) => frameAt(frame, hops)[slot]
}

export function frameAt (frame: Frame, hops: number): Frame {
  let target = frame
  for (let hop = 0; hop < hops; hop++) target = target[0] as Frame
  return target
}

/** Whether the name means what it means outside: no variable of the expression hides it. */
export function isGlobal (node: AnyNode, name: string, context: Context): boolean {
  return node.type === 'Identifier' && node.name === name && context.resolve(name) === null
}

export function isAbsent (node: AnyNode, context: Context): boolean {
  return node.type === 'Identifier' && ABSENT_NAMES.has(node.name) && context.resolve(node.name) === null
}

/** Whether the name is anything at all; `typeof` of one that is not is 'undefined'. */
export function isKnown (name: string, context: Context): boolean {
  return context.resolve(name) !== null || SCOPE_NAMES.has(name) || GLOBALS.has(name)
}

export function compileIdentifier (node: Identifier, context: Context): Code {
  const { name } = node
  const variable = context.resolve(name)
  if (variable !== null) return readVariable(variable)
  // Loaded while compiling, so that the first evaluation is not the one that waits for it.
  if (DATE_NAMES.has(name)) luxon()
  const code = SCOPE_NAMES.get(name)
  if (code !== undefined) return code
  if (GLOBALS.has(name)) {
    const value = GLOBALS.get(name)
    return () => value
  }
  if (ABSENT_NAMES.has(name)) return UNDEFINED
  return notAllowed(`There is no ${JSON.stringify(name)} in expressions`, node.start)
}

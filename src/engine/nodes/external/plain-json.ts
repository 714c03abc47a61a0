import { exceededJsonLimit } from '../../../lib/json-limits.ts'
import { NodeError } from '../../node-error.ts'

export const NODE_OUTPUT = 'WC_NODE_OUTPUT'

/** What is left of a value once it has been written as JSON and read again: all that can be stored. `what` names it in the error. */
export function plainJson (value: unknown, what: string): unknown {
  const text = textOf(value, what)
  const excess = exceededJsonLimit(text)
  if (excess !== undefined) throw new NodeError(NODE_OUTPUT, `The ${what} cannot be stored: ${excess}`)
  return JSON.parse(text)
}

function textOf (value: unknown, what: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    // The first line says what it is; the others of a circle draw it.
    const why = error instanceof Error ? error.message.split('\n')[0]! : String(error)
    throw new NodeError(NODE_OUTPUT, `The ${what} cannot be written as JSON: ${why}`)
  }
  if (text === undefined) throw new NodeError(NODE_OUTPUT, `The ${what} cannot be written as JSON: it is ${typeof value}`)
  return text
}

import type { PlanNode } from './plan.ts'
import type { Token } from './state.ts'

/** What a run of the node sent, by the names of its outputs. */
export function byOutput ({ outputs }: Pick<PlanNode, 'outputs'>, sent: ReadonlyArray<Token | undefined>): Record<string, Token> {
  return Object.fromEntries(outputs.flatMap((name, output): Array<[string, Token]> => {
    const token = sent[output]
    return token === undefined ? [] : [[name, token]]
  }))
}

/** Of several outputs the first that sent something, in the order that objects have: names that are numbers come first. */
export function firstSent (node: Pick<PlanNode, 'outputs'>, sent: ReadonlyArray<Token | undefined>): Token | undefined {
  return node.outputs.length === 1 ? sent[0] : Object.values(byOutput(node, sent))[0]
}

import { Type } from '@sinclair/typebox'
import { defineNode, type Effects, type NodeContext, type NodeOutcome, type NodeType } from '../../src/engine/nodes/node-type.ts'

export interface Visit {
  readonly key: string
  readonly attempt: number
  readonly signal: AbortSignal
  /** Ends the step; by default with its items. */
  pass (outcome?: NodeOutcome): void
  fail (error: Error): void
}

export interface Gate {
  readonly type: NodeType
  readonly visits: Visit[]
  /** From now on all who come pass at once. */
  open (): void
}

/** A node whose steps end when the test says so, and which remembers who came. */
export function gateNode (name: string, effects: Effects = 'idempotent'): Gate {
  const visits: Visit[] = []
  let isOpen = false
  const type = defineNode({
    type: name,
    title: name,
    description: 'Waits for the test.',
    icon: 'box',
    category: 'outside',
    effects,
    parameters: Type.Object({}),
    run: async (context: NodeContext<unknown>) => await new Promise<NodeOutcome>((resolve, reject) => {
      const outcome = { outputs: { main: context.items.map((_, from) => ({ from })) } }
      visits.push({ key: context.idempotencyKey(0), attempt: context.attempt, signal: context.signal, pass: (given = outcome) => { resolve(given) }, fail: reject })
      if (isOpen) resolve(outcome)
    })
  })
  return { type, visits, open () { isOpen = true; for (const visit of visits) visit.pass() } }
}

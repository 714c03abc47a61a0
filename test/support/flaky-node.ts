import { Type } from '@sinclair/typebox'
import { NodeError } from '../../src/engine/node-error.ts'
import { defineNode, type NodeType } from '../../src/engine/nodes/node-type.ts'

export interface Flaky {
  readonly type: NodeType
  /** `<node> <idempotency key>` of each run, in order. */
  readonly visits: string[]
  /** Items whose `n` is in here make the step fail. */
  readonly bad: Set<unknown>
}

/** A node of an outside world that refuses some items until somebody mends it. */
export function flakyNode (name: string): Flaky {
  const visits: string[] = []
  const bad = new Set<unknown>()
  const type = defineNode({
    type: name,
    title: name,
    description: 'Refuses what the test says.',
    icon: 'box',
    category: 'outside',
    effects: 'idempotent',
    parameters: Type.Object({ note: Type.Optional(Type.String()) }),
    async run ({ nodeId, items, idempotencyKey }) {
      visits.push(`${nodeId} ${idempotencyKey(0)}`)
      if (items.some(({ json }) => bad.has(json['n']))) throw new NodeError('WC_REFUSED', 'Refused')
      return await Promise.resolve({ outputs: { main: items.map((_, from) => ({ from, patch: { [nodeId]: true } })) } })
    }
  })
  return { type, visits, bad }
}

import t from 'tap'
import type { KeyMemory } from '../../../src/engine/nodes/node-type.ts'
import { removeDuplicates } from '../../../src/engine/nodes/data/remove-duplicates.ts'
import { runNode } from '../../support/run-node.ts'

async function places (items: readonly Record<string, unknown>[], parameters: object | ((index: number) => object)) {
  const { kept, discarded } = await runNode(removeDuplicates, { items, parameters })
  return [kept?.map(({ from }) => from[0]), discarded?.map(({ from }) => from[0])]
}

t.test('the first of equal items stays', async t => {
  const items = [{ id: 1, a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 }, id: 1 }, { id: '1' }, { id: 1 }, { b: null }, { c: 1 }]
  t.same(await places(items, {}), [[0, 2, 3, 4, 5], [1]], 'the order of properties does not matter, their types do')
  t.same(await places(items, { by: 'fields', fields: ['id'] }), [[0, 2, 4], [1, 3, 5]])
  t.same(await places(items, { by: 'fields', fields: ['id', 'a.x'] }), [[0, 2, 3, 4], [1, 5]])
  const keys = ['k', null, 'k', undefined, 1]
  t.same(await places(keys.map(() => ({})), index => ({ by: 'key', key: keys[index] })), [[0, 1, 3, 4], [2]], 'what has no key equals nothing')
})

t.test('a hundred thousand items in linear time', async t => {
  const items = Array.from({ length: 100_000 }, (_, index) => ({ id: index % 50_000 }))
  const [kept, discarded] = await places(items, { by: 'fields', fields: ['id'] })
  t.equal(kept?.length, 50_000)
  t.equal(discarded?.length, 50_000)
})

t.test('across executions each key is claimed once, in a memory of the node or of the workflow', async t => {
  const asked: [KeyMemory, readonly string[]][] = []
  const claimKeys = async (memory: KeyMemory, keys: readonly string[]) => {
    asked.push([memory, keys])
    return new Set(['"b"'])
  }
  const items = ['a', 'b', 'a', 'b'].map(id => ({ id }))
  const run = async (more: object) => await runNode(removeDuplicates, { items, claimKeys, parameters: { across: 'executions', by: 'fields', fields: ['id'], ...more } })
  t.match(await run({}), { kept: [{ from: [1] }], discarded: [{ from: [0] }, { from: [2] }, { from: [3] }] })
  await run({ memory: 'workflow', window: '2h', maximum: 5 })
  t.same(asked, [
    [{ name: 'node:node', keepFor: null, keepAtMost: 10_000 }, ['"a"', '"b"']],
    [{ name: 'workflow', keepFor: 7_200_000, keepAtMost: 5 }, ['"a"', '"b"']]
  ])
})

t.test('validation, and effects only where there is a memory', async t => {
  t.equal(removeDuplicates.effectsOf?.({}), 'none')
  t.equal(removeDuplicates.effectsOf?.({ across: 'executions' }), 'idempotent')
  t.match(removeDuplicates.check?.({ by: 'fields', key: 'a', window: '1h' }), [{ pointer: '/fields' }, { pointer: '/key' }, { pointer: '/window', code: 'WC_REMOVE_DUPLICATES' }])
  t.match(removeDuplicates.check?.({ by: 'key', fields: ['a'] }), [{ pointer: '/fields' }, { pointer: '/key' }])
})

import t from 'tap'
import type { Item } from '../../src/engine/item.ts'
import { byOutput, firstSent } from '../../src/engine/outputs-by-name.ts'

const token = (a: number): Item[] => [{ json: { a }, parents: [], nodeId: 'n', run: 0 }]

t.test('what was sent stands under the names of its outputs, whatever those are', async t => {
  const node = { outputs: ['a', '__proto__', 'c'] }
  const sent = byOutput(node, [token(1), token(2), undefined])
  t.same(Object.keys(sent), ['a', '__proto__'])
  t.same(Object.entries(sent)[1]![1][0]!.json, { a: 2 })
})

t.test('the first that sent is the same for all who ask, also where names are numbers', async t => {
  const node = { outputs: ['2', '1'] }
  for (const sent of [[token(2), token(1)], [undefined, token(1)], [token(2), undefined], [undefined, undefined]]) {
    t.equal(firstSent(node, sent), Object.values(byOutput(node, sent))[0])
  }
  t.same(firstSent(node, [token(2), token(1)])![0]!.json, { a: 1 })
  t.equal(firstSent({ outputs: ['main'] }, [undefined]), undefined)
})

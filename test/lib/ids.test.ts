import t from 'tap'
import { createIdSource, firstIdAt, idTime, isId } from '../../src/lib/ids.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('ids are UUIDv7 of the clock, all different, and rise strictly', async t => {
  const nextId = createIdSource(Date.now)
  const before = Date.now()
  const ids = Array.from({ length: 50_000 }, nextId)
  t.ok(ids.every(id => UUID_V7.test(id) && isId(id)))
  t.equal(new Set(ids).size, ids.length)
  t.same([...ids].sort(), ids)
  t.ok(idTime(ids[0]!) >= before && idTime(ids[0]!) <= Date.now())
})

t.test('they rise also when the clock stands still, steps back, or gives fractions', async t => {
  const times = [1000.7, 1000.2, 999, 5, 1001, 1001, 1000, 2000]
  let at = 0
  const nextId = createIdSource(() => times[Math.min(at++, times.length - 1)]!)
  const ids = Array.from({ length: 10_000 }, nextId)
  t.same([...ids].sort(), ids)
  t.equal(new Set(ids).size, ids.length)
  t.equal(idTime(ids[0]!), 1000)
  t.equal(idTime(ids[7]!), 2000)
  // 4,096 in a millisecond, then the next one.
  t.equal(idTime(ids.at(-1)!), 2000 + Math.floor((10_000 - 8) / 4096))
})

t.test('a clock that was never above zero gives ids of that moment', async t => {
  for (const time of [0, -5]) {
    const id = createIdSource(() => time)()
    t.match(id, UUID_V7)
    t.equal(idTime(id), 0)
  }
})

t.test('two sources do not collide', async t => {
  const sources = [createIdSource(() => 5), createIdSource(() => 5)]
  t.equal(new Set(sources.flatMap(source => Array.from({ length: 4000 }, source))).size, 8000)
})

t.test('the first id of a moment is a bound: nothing of that moment is below, nothing of the one before is above', async t => {
  const moment = Date.UTC(2031, 4, 5, 6, 7, 8, 9)
  const bound = firstIdAt(moment)
  t.match(bound, UUID_V7)
  t.equal(idTime(bound), moment)
  t.ok(Array.from({ length: 100 }, createIdSource(() => moment)).every(id => id >= bound))
  t.ok(Array.from({ length: 100 }, createIdSource(() => moment - 1)).every(id => id < bound))
  t.equal(firstIdAt(-5), firstIdAt(0))
})

t.test('only lower-case UUIDs are ids', async t => {
  for (const text of ['', 'x', firstIdAt(1).toUpperCase() + 'A', `${firstIdAt(1)} `, `${firstIdAt(1)}\n`, firstIdAt(1).replaceAll('-', ''), `{${firstIdAt(1)}}`]) t.notOk(isId(text), text)
})

import t from 'tap'
import { Dictionary } from '../../src/lib/dictionary.ts'

t.test('what comes and goes is there, and gone', async t => {
  const runs = new Dictionary<{ n: number }>()
  for (const key of ['a', '__proto__', 'constructor', '1']) {
    t.equal(runs.has(key), false)
    runs.set(key, { n: 1 })
    runs.set(key, { n: 2 })
    t.strictSame(runs.get(key), { n: 2 })
  }
  t.equal(runs.size, 4)
  t.equal(runs.values().length, 4)
  runs.delete('__proto__')
  runs.delete('__proto__')
  runs.delete('never there')
  t.equal(runs.size, 3)
  t.equal(runs.get('__proto__'), undefined)
  t.equal(({} as Record<string, unknown>)['n'], undefined)
})

import t from 'tap'
import { byName } from '../../src/lib/by-name.ts'

t.test('what is made of a name is made once; long names and too many are not kept', async t => {
  const made: string[] = []
  const of = byName(name => {
    if (name === 'bad') throw new Error(name)
    made.push(name)
    return { name }
  })
  t.equal(of('a'), of('a'))
  t.same(of('__proto__'), { name: '__proto__' })
  t.same(made, ['a', '__proto__'])
  for (let time = 0; time < 2; time++) t.throws(() => of('bad'), { message: 'bad' })
  const long = 'x'.repeat(101)
  t.not(of(long), of(long))
  for (let index = 0; index < 2000; index++) of(`n${index}`)
  made.length = 0
  of('n0')
  of('n1999')
  t.same(made, ['n1999'])
})

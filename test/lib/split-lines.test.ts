import t from 'tap'
import { LineSplitter } from '../../src/lib/split-lines.ts'

t.test('lines come out the same wherever their bytes are cut', async t => {
  const text = 'a\n\nbcd\r\nü\nlast'
  const bytes = Buffer.from(text)
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const splitter = new LineSplitter(100)
      const lines = [[0, first], [first, second], [second, bytes.length]].flatMap(([from, to]) => splitter.push(bytes.subarray(from, to)))
      t.same([...lines, ...splitter.end()].map(String), text.split('\n'), `${first}, ${second}`)
    }
  }
})

t.test('of a line that is too long nothing is kept, and the next one is whole', async t => {
  const splitter = new LineSplitter(3)
  t.same([...splitter.push(Buffer.from('abc\nab')), ...splitter.push(Buffer.from('cd')), ...splitter.push(Buffer.from('efg\nxyz\n'))].map(line => line?.toString()), ['abc', undefined, 'xyz'])
  t.same(splitter.end(), [])
})

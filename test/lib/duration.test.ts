import t from 'tap'
import { parseDuration } from '../../src/lib/duration.ts'

t.test('a duration is a whole number and a unit, in milliseconds', async t => {
  t.same(['250ms', '10s', '5m', '2h', '7d', '0s'].map(parseDuration), [250, 10_000, 300_000, 7_200_000, 604_800_000, 0])
})

t.test('anything else is refused with a message that shows it', async t => {
  for (const text of ['', '10', 's', '-1s', '1.5s', ' 1s', '1s ', '1s\n', '1w', '1S', '١s', '1e3s', '1234567890s', '1constructor']) {
    t.throws(() => parseDuration(text), { name: 'RangeError', message: /is not a duration/ }, JSON.stringify(text))
  }
})

import t from 'tap'
import { Countdown } from '../../src/lib/countdown.ts'

async function isOver (countdown: Countdown): Promise<boolean> {
  return await Promise.race([countdown.over.then(() => true), new Promise<boolean>(resolve => setImmediate(resolve, false))])
}

t.test('it is over when everything is, and no more can come', async t => {
  const countdown = new Countdown()
  const [first, second] = [countdown.add(), countdown.add()]
  first()
  second()
  t.notOk(await isOver(countdown), 'more may come')
  const third = countdown.add()
  countdown.close()
  t.notOk(await isOver(countdown), 'the third is not over')
  third()
  t.ok(await isOver(countdown))
})

t.test('with nothing to wait for it is over at once', async t => {
  const countdown = new Countdown()
  countdown.close()
  t.ok(await isOver(countdown))
})

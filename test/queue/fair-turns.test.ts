import t from 'tap'
import { FairTurns } from '../../src/queue/fair-turns.ts'

t.test('each batch of an organization comes after its last; the first one is next', async t => {
  const turns = new FairTurns()
  t.same([turns.next('flood'), turns.next('flood'), turns.next('flood')], [1, 2, 3])
  t.equal(turns.next('quiet'), 1)
  t.equal(turns.next('quiet'), 2)
})

t.test('who comes late gets no turns that have passed', async t => {
  const turns = new FairTurns()
  for (let index = 0; index < 100; index++) turns.next('flood')
  turns.observe(60)
  t.equal(turns.next('quiet'), 60, 'together with the one that is served next')
  t.equal(turns.next('flood'), 101)
})

t.test('the turns of other processes count', async t => {
  const turns = new FairTurns()
  turns.observe(1000)
  t.equal(turns.next('quiet'), 1000)
})

t.test('an empty queue has no past', async t => {
  const turns = new FairTurns()
  for (let index = 0; index < 100; index++) turns.next('flood')
  turns.observe(undefined)
  t.equal(turns.next('flood'), 1)
})

t.test('stays within what BullMQ takes', async t => {
  const turns = new FairTurns()
  turns.observe(2 ** 21 - 1)
  t.same([turns.next('a'), turns.next('a')], [2 ** 21 - 1, 2 ** 21 - 1])
})

t.test('a high priority overtakes its own organization and takes no turn of others', async t => {
  const turns = new FairTurns()
  for (let index = 0; index < 10; index++) turns.next('flood')
  t.equal(turns.next('flood', 'high'), 1, 'before its ten')
  t.equal(turns.next('flood'), 12, 'its next one comes a turn later for that')
  t.equal(turns.next('quiet'), 1)
})

t.test('a low priority lets later ones of its organization pass', async t => {
  const turns = new FairTurns()
  const low = turns.next('acme', 'low')
  t.ok(turns.next('acme') < low)
  t.ok(turns.next('acme') < low)
})

import t from 'tap'
import { cpuTime } from '../support/cpu-time.ts'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

/** Ends each step at once; returns the milliseconds of processor time that it took. */
function runAll (run: Simulation): number {
  const before = cpuTime()
  run.begin()
  while (run.running.length > 0) run.succeed(run.running[0]!.node.id)
  return cpuTime() - before
}

function chain (length: number): Simulation {
  const ids = Array.from({ length }, (_, index) => `n${index}`)
  return new Simulation(planOf([start, ...ids.map(id => node(id))], ids.map((id, index) => `${index === 0 ? 'start' : ids[index - 1]} -> ${id}`)))
}

t.test('a chain of 1,000 nodes takes less than 100 ms', async t => {
  runAll(chain(200))
  const run = chain(1000)
  const took = runAll(run)
  t.equal(run.state.status, 'succeeded')
  t.ok(took < 100, `${took} ms`)
})

t.test('10,000 nodes run, in a chain or all at once', async t => {
  const long = chain(10_000)
  const took = runAll(long)
  t.equal(long.state.status, 'succeeded')
  t.ok(took < 5000, `${took} ms`)
  const ids = Array.from({ length: 9_998 }, (_, index) => `n${index}`)
  const wide = new Simulation(planOf([start, ...ids.map(id => node(id)), node('sink')], ids.flatMap(id => [`start -> ${id}`, `${id} -> sink`])))
  t.ok(runAll(wide) < 20_000)
  t.equal(wide.state.status, 'succeeded')
  t.equal(wide.results('sink').length, 9_998)
})

t.test('a ladder of 200 diamonds costs what its connections cost, with items or without', async t => {
  for (const silent of [false, true]) {
    const rungs = Array.from({ length: 200 }, (_, index) => index)
    const nodes = rungs.flatMap(index => [node(`l${index}`), node(`r${index}`), node(`j${index}`, { parameters: { inputs: ['a', 'b'] } })])
    const links = rungs.flatMap(index => [`l${index} -> j${index}.a`, `r${index} -> j${index}.b`,
      ...['l', 'r'].map(side => `${index === 0 ? 'start' : `j${index - 1}`} -> ${side}${index}`)])
    const run = new Simulation(planOf([start, ...nodes], links))
    const before = cpuTime()
    run.begin()
    while (run.running.length > 0) {
      const { id } = run.running[0]!.node
      run.succeed(id, silent ? {} : { main: [{ from: 0 }] })
    }
    t.equal(run.state.status, 'succeeded')
    t.equal(run.types().filter(type => type.startsWith('step.started')).length, silent ? 1 : 601)
    t.ok(cpuTime() - before < 1000)
  }
})

import fc from 'fast-check'
import t from 'tap'
import { choicesFrom, drive, sound } from '../support/histories-of-workflows.ts'
import { drafts, Oracle, perform, resultsOf, usesAny, worldOf } from '../support/random-workflows.ts'
import { Simulation } from '../support/engine-simulator.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 3000)

t.test('every prefix of a history, folded and resumed, ends the same', async t => {
  fc.assert(fc.property(drafts(8), fc.nat(), (draft, seed) => {
    const world = worldOf(draft)
    const oracle = new Oracle(world)
    fc.pre(!usesAny(world) && !oracle.fatal && !oracle.isLarge)
    const whole = drive(world, choicesFrom(seed), false)
    const expected = resultsOf(whole)
    for (let cut = 0; cut < whole.events.length; cut += 1 + Math.floor(whole.events.length / 12)) {
      const run = new Simulation(world.plan)
      run.events.push(...whole.events.slice(0, cut))
      run.crash()
      while (!run.isOver) run.running.length > 0 ? perform(run, world, run.running.at(-1)!) : run.due()
      sound(run)
      if (run.state.status !== whole.state.status) throw new Error(`Cut at ${cut}: ${run.state.status}`)
      const got = resultsOf(run)
      if (got.size !== expected.size) throw new Error(`Cut at ${cut}: ${got.size} runs instead of ${expected.size}`)
      for (const [key, value] of expected) if (got.get(key) !== value) throw new Error(`Cut at ${cut}: ${key} differs`)
    }
  }), { numRuns: RUNS })
  t.pass()
})

import fc from 'fast-check'
import t from 'tap'
import { choicesFrom, drive, folded, sound } from '../support/histories-of-workflows.ts'
import { drafts, Oracle, resultsOf, usesAny, worldOf } from '../support/random-workflows.ts'
import { fold } from '../support/engine-simulator.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 7000)

t.test('any order and any crash end as the definition says: nothing lost, nothing doubled, no merge hangs', async t => {
  fc.assert(fc.property(drafts(10), fc.nat(), fc.boolean(), (draft, seed, crashes) => {
    const world = worldOf(draft)
    const oracle = new Oracle(world)
    fc.pre(!oracle.isLarge)
    const run = drive(world, choicesFrom(seed), crashes)
    sound(run)
    const told = JSON.stringify(folded(fold(run.plan, {}, run.events)))
    if (told !== JSON.stringify(folded(run.state))) throw new Error('A replay gives another state')
    if (usesAny(world)) return
    const { results, fatal } = oracle
    if (run.state.status !== (fatal ? 'failed' : 'succeeded')) throw new Error(`${run.state.status}, fatal: ${fatal}`)
    const got = resultsOf(run)
    if (!fatal && got.size !== results.size) throw new Error(`Ran ${[...got.keys()].join(' ')} instead of ${[...results.keys()].join(' ')}`)
    for (const [key, value] of got) if (value !== results.get(key)) throw new Error(`${key} gave ${value} instead of ${results.get(key)}`)
  }), { numRuns: RUNS })
  t.pass()
})

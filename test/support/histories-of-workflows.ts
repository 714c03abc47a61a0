import type { State } from '../../src/engine/state.ts'
import { hash, perform, textOf, type World } from './random-workflows.ts'
import { Simulation } from './engine-simulator.ts'

/** Runs to the end: each number picks the next step to end, or a place to cut the history at. */
export function drive (world: World, choices: Iterator<number>, crashes: boolean): Simulation {
  const run = new Simulation(world.plan).begin()
  for (let turns = 0; !run.isOver; turns++) {
    if (turns > 20_000) throw new Error(`Does not end: ${run.types().slice(-20).join(', ')}`)
    const choice = choices.next().value as number
    if (crashes && choice % 7 === 0) run.crash(choice % 3 === 0 ? run.events.length : Math.floor(choice / 7) % (run.events.length + 1))
    else if (run.running.length > 0) perform(run, world, run.running[choice % run.running.length]!)
    else run.due()
  }
  return run
}

/** As many numbers as are asked for; none that crashes after some hundreds. */
export function * choicesFrom (seed: number): Generator<number, never> {
  for (let count = 0; ; count++) yield count > 200 ? 1 + 7 * (count % 11) : hash(`${seed}:${count}`)
}

/** Throws where a step begins or ends twice, or the execution does. */
export function sound (run: Simulation): void {
  const ended = new Set<string>()
  const attempts = new Map<string, number>()
  for (const event of run.events) {
    if (!event.type.startsWith('step.') || !('attempt' in event)) continue
    const key = `${event.nodeId}:${event.run}`
    if (ended.has(key)) throw new Error(`${event.type} of ${key} after its end`)
    if (event.type === 'step.started') {
      if (event.attempt !== (attempts.get(key) ?? 0) + 1) throw new Error(`Attempt ${event.attempt} of ${key} after ${attempts.get(key)}`)
      attempts.set(key, event.attempt)
    } else if (event.type !== 'step.skipped' && attempts.get(key) !== event.attempt) {
      throw new Error(`${event.type} of ${key}, attempt ${event.attempt} of ${attempts.get(key)}`)
    }
    if (event.type !== 'step.started' && event.type !== 'step.retrying') ended.add(key)
  }
  if (run.state.status === 'succeeded' && attempts.size > [...attempts.keys()].filter(key => ended.has(key)).length) throw new Error('Succeeded with a step under way')
  if (run.state.status === 'succeeded') everyNodeIsTold(run, ended)
  if (run.state.seq !== run.events.length + 1) throw new Error(`seq ${run.state.seq} after ${run.events.length} events`)
  if (run.finished !== 1) throw new Error(`finished ${run.finished} times`)
}

/** Each node that the trigger can reach ran, or is recorded as skipped. */
function everyNodeIsTold ({ plan, state }: Simulation, ended: ReadonlySet<string>): void {
  const reached = plan.reachableFrom(state.trigger)
  for (const { id, index } of plan.nodes) if (reached[index] === 1 && !ended.has(`${id}:0`)) throw new Error(`Nothing is said of ${id}`)
}

/** Without what a runner works out anew. */
export function folded (run: State): string {
  const { firstDirty, edges, nodes, ...rest } = run
  return JSON.stringify({
    ...rest,
    edges: edges.map(({ tokens, taken }) => [tokens.map(token => token.map(textOf)), taken]),
    nodes: nodes.map(({ runs, current, results }) => [runs, current?.status, current?.attempt, results.map(sent => sent.map(token => token?.length))])
  })
}

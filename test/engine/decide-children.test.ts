import fc from 'fast-check'
import t from 'tap'
import { childId, type ChildEnd, type ChildStart } from '../../src/engine/children.ts'
import { decide, type Signal } from '../../src/engine/decide.ts'
import type { Event } from '../../src/engine/events.ts'
import type { NodeError } from '../../src/engine/node-error.ts'
import { resumeAwaited, startAwaited, type ChildrenRules } from '../../src/engine/nodes/children-of-items.ts'
import type { StepResult } from '../../src/engine/nodes/node-type.ts'
import type { State } from '../../src/engine/state.ts'
import { byOutput } from '../../src/engine/outputs-by-name.ts'
import type { Incoming } from '../../src/engine/wait.ts'
import { idTime, isId } from '../../src/lib/ids.ts'
import { fold, node, planOf, start, type ResumeStep, type RunStep } from '../support/engine-simulator.ts'
import { choicesFrom } from '../support/histories-of-workflows.ts'
import { nodeContext } from '../support/node-context.ts'

const EXECUTION = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'
const TARGET = { workflowId: 'inner', version: 1, nodeId: 'in' }

/**
 * An execution that maps its items over a sub-workflow, and the database: what it has not committed is lost with its worker, and
 * what it commits starts its children and takes its mail in one statement.
 */
class World {
  readonly plan = planOf([start, node('each', { timeout: '1d' }), node('after')], ['start -> each', 'each -> after'])
  readonly items: number
  readonly rules: ChildrenRules
  readonly committed: Event[] = []
  readonly children = new Map<string, ChildStart>()
  readonly mail = new Map<string, Incoming>()
  readonly cancelled = new Set<string>()
  state: State = fold(this.plan, {}, [])
  most = 0
  #pending: { events: Event[], starts: ChildStart[], taken: string[], cancels: string[] } = { events: [], starts: [], taken: [], cancels: [] }
  #known = new Map<Incoming, string>()

  constructor (items: number, rules: ChildrenRules) {
    this.items = items
    this.rules = rules
  }

  get isOver (): boolean { return ['execution.succeeded', 'execution.failed'].includes(this.committed.at(-1)?.type ?? '') }
  get #open (): ChildStart[] { return [...this.children.values()].filter(({ id }) => !this.ended.has(id)) }
  readonly ended = new Set<string>()

  async begin (): Promise<void> {
    this.state = fold(this.plan, {}, this.committed)
    this.#known = new Map([...this.mail].map(([id, message]) => [message, id]))
    await this.#signal(this.committed.length === 0 ? { type: 'begin' } : { type: 'resume', mail: [...this.#known.keys()] })
  }

  async #signal (signal: Signal): Promise<void> {
    const { events, commands } = decide(this.plan, this.state, signal, 1000)
    this.#pending.events.push(...events)
    for (const command of commands) {
      if (command.type === 'startChildren') this.#pending.starts.push(...command.children)
      else if (command.type === 'cancelChildren') this.#pending.cancels.push(...command.executionIds)
      else if (command.type === 'runStep') await this.#signal(await this.#answer(command))
      else if (command.type === 'resumeStep') {
        const { message } = command.resumption as { message: Incoming }
        this.#pending.taken.push(this.#known.get(message)!)
        this.#known.delete(message)
        await this.#signal(await this.#answer(command))
        for (const waiting of [...this.#known.keys()]) await this.#signal({ type: 'message', message: waiting })
      }
    }
  }

  async #answer (step: RunStep | ResumeStep): Promise<Signal> {
    const { node: { id: nodeId }, run, attempt, inputs } = step
    const place = { nodeId, run, attempt }
    const outputs = { main: (inputs[0] ?? []).map((_item, from) => ({ from })) }
    if (nodeId === 'start') return { type: 'stepSucceeded', ...place, outcome: { outputs: { main: Array.from({ length: this.items }, (_, n) => ({ json: { n } })) } } }
    if (nodeId === 'after') return { type: 'stepSucceeded', ...place, outcome: { outputs } }
    const context = { ...nodeContext({ items: inputs[0]!.map(({ json }) => json), parameters: { workflowId: 'inner' }, subWorkflow: async () => TARGET }), childId: (index: number) => childId(EXECUTION, place, index, 1000) }
    try {
      const result: StepResult = step.type === 'runStep' ? await startAwaited(context, this.rules) : resumeAwaited(context, this.rules, step.resumption)
      return 'suspend' in result ? { type: 'stepSuspended', ...place, wait: result.suspend, start: result.start } : { type: 'stepSucceeded', ...place, outcome: result }
    } catch (error) {
      return { type: 'stepFailed', ...place, error: (error as NodeError).toStepError() }
    }
  }

  commit (): void {
    const { events, starts, taken, cancels } = this.#pending
    this.#pending = { events: [], starts: [], taken: [], cancels: [] }
    this.committed.push(...events)
    for (const child of starts) {
      if (this.children.has(child.id) || [...this.children.values()].some(({ index }) => index === child.index)) throw new Error(`Item ${child.index} starts twice`)
      this.children.set(child.id, child)
    }
    for (const id of taken) if (!this.mail.delete(id)) throw new Error(`${id} was taken already`)
    for (const id of cancels) this.cancelled.add(id)
    this.most = Math.max(this.most, this.#open.length)
  }

  crash (): void {
    this.#pending = { events: [], starts: [], taken: [], cancels: [] }
  }

  /** One of the children ends: those of items that are divided by 5 fail. */
  async end (choice: number, tell: boolean): Promise<void> {
    const open = this.#open
    if (open.length === 0) return
    const { id: executionId, index, item } = open[choice % open.length]!
    this.ended.add(executionId)
    const fails = index % 5 === 4
    const child: ChildEnd = { index, executionId, ...fails ? { status: 'failed', error: { code: 'WC_TEST', message: 'It failed' } } : { status: 'succeeded', items: [{ json: { of: item.json['n'] } }] } }
    const message: Incoming = { kind: 'child', nodeId: 'each', run: 0, child }
    this.mail.set(executionId, message)
    if (!tell) return
    this.#known.set(message, executionId)
    await this.#signal({ type: 'message', message })
  }

  /** What left the step, by output. */
  results (): Record<string, unknown[]> {
    const each = this.plan.byId.get('each')!
    const { results } = fold(this.plan, {}, this.committed).nodes[each.index]!
    return Object.fromEntries(Object.entries(byOutput(each, results[0] ?? [])).map(([name, items]) => [name, items.map(({ json }) => json)]))
  }
}

async function drive (world: World, choices: Iterator<number>): Promise<World> {
  await world.begin()
  for (let turns = 0; !world.isOver; turns++) {
    if (turns > 5000) throw new Error('Does not end')
    const choice = choices.next().value as number
    if (choice % 7 === 0) {
      // The worker dies, and others end meanwhile.
      world.crash()
      for (let more = choice % 3; more > 0; more--) await world.end(choice, false)
      await world.begin()
    } else if (choice % 2 === 0) {
      world.commit()
    } else {
      await world.end(choice, true)
    }
  }
  return world
}

t.test('whatever dies when, each item has one execution, and all that they have to show is there in order', async t => {
  await fc.assert(fc.asyncProperty(fc.nat({ max: 14 }), fc.integer({ min: 1, max: 5 }), fc.constantFrom('skip', 'collect'), fc.nat(), async (count, maxConcurrency, onItemError, seed) => {
    const items = count + 1
    const world = await drive(new World(items, { maxConcurrency, onItemError }), choicesFrom(seed))
    const fine = Array.from({ length: items }, (_, n) => n).filter(n => n % 5 !== 4)
    if (JSON.stringify(world.results()['main'] ?? []) !== JSON.stringify(fine.map(n => ({ of: n })))) throw new Error(`Got ${JSON.stringify(world.results())}`)
    if (world.children.size !== items) throw new Error(`${world.children.size} executions of ${items} items`)
    if (world.most > maxConcurrency) throw new Error(`${world.most} at once`)
    if (world.cancelled.size > 0) throw new Error('Something was cancelled')
  }), { includeErrorInReport: true, numRuns: Number(process.env['PROPERTY_RUNS'] ?? 400) })
  t.pass()
})

t.test('the first failure of an item stops the step, and cancels those that are open', async t => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 5, max: 15 }), fc.integer({ min: 1, max: 5 }), fc.nat(), async (items, maxConcurrency, seed) => {
    const world = await drive(new World(items, { maxConcurrency, onItemError: 'stop' }), choicesFrom(seed))
    const last = world.committed.at(-1)!
    if (last.type !== 'execution.failed' || last.error.code !== 'WC_SUBWORKFLOW_FAILED') throw new Error(last.type)
    for (const { id } of world.children.values()) if (!world.ended.has(id) && !world.cancelled.has(id)) throw new Error(`${id} goes on`)
  }), { numRuns: 100 })
  t.pass()
})

t.test('the ids of children are of their moment, and differ by all that makes them', async t => {
  const place = { nodeId: 'each', run: 0, attempt: 1 }
  const id = childId(EXECUTION, place, 0, 1_700_000_000_000)
  t.ok(isId(id))
  t.equal(idTime(id), 1_700_000_000_000)
  t.equal(id[14], '7')
  t.match(id[19], /[89ab]/)
  t.equal(childId(EXECUTION, place, 0, 1_700_000_000_000), id)
  const others = [childId(EXECUTION, place, 1, 0), childId(EXECUTION, { ...place, attempt: 2 }, 0, 0), childId(EXECUTION, { ...place, run: 1 }, 0, 0), childId('other', place, 0, 0)]
  t.equal(new Set([id, ...others].map(text => text.slice(14))).size, 5)
})

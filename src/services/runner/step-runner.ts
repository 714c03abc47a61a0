import { briefError } from '../../engine/brief.ts'
import type { Command, Signal } from '../../engine/decide.ts'
import type { StepResult } from '../../engine/nodes/node-type.ts'
import type { State } from '../../engine/state.ts'
import { stepContext } from '../../engine/step-context.ts'
import type { ExecutionRun } from './execution-run.ts'
import type { RunHost } from './run-host.ts'
import { RunPowers } from './run-powers.ts'
import { limitStep, toStepError } from './step-failures.ts'

export type RunStep = Extract<Command, { type: 'runStep' }>
export type ResumeStep = Extract<Command, { type: 'resumeStep' }>
type Place = Pick<RunStep, 'node' | 'run' | 'attempt' | 'inputs'>

/** Calls the node types of one execution's steps, and puts what they answer into signals. */
export class StepRunner {
  readonly #run: ExecutionRun
  readonly #host: RunHost

  constructor (run: ExecutionRun, host: RunHost) {
    this.#run = run
    this.#host = host
  }

  /** Answers at once where the step ends at once; else `report` is called when it does. */
  start (step: RunStep, state: State, report: (signal: Signal) => void): Signal | undefined {
    const { node, run, inputs } = step
    if (node.disabled) return signalOf(step, { outputs: { [node.through ?? 'main']: (inputs[0] ?? []).map((_, from) => ({ from })) } })
    const limit = node.timeout === undefined ? undefined : new AbortController()
    const powers = new RunPowers(this.#run, this.#host, node.id, run, limit)
    try {
      const result = node.type.run(this.#context(step, state, powers))
      if (!(result instanceof Promise)) return signalOf(step, powers.masked(result))
      const timer = limit === undefined ? undefined : limitStep(node.timeout!, limit, error => { report(this.#failed(step, powers, error)) })
      result.then(value => signalOf(step, powers.masked(value)), (error: unknown) => this.#failed(step, powers, error)).then(signal => {
        clearTimeout(timer)
        report(signal)
      }, (error: unknown) => { this.#host.fault(this.#run, error) })
      return undefined
    } catch (error) {
      return this.#failed(step, powers, error)
    }
  }

  /** What follows for a step that waited. */
  resume (step: ResumeStep, state: State): Signal {
    const powers = new RunPowers(this.#run, this.#host, step.node.id, step.run, undefined)
    try {
      const { type } = step.node
      if (type.resume === undefined) throw new Error(`The node type ${type.type} waits and cannot resume`)
      return signalOf(step, powers.masked(type.resume(this.#context(step, state, powers), step.resumption)))
    } catch (error) {
      return this.#failed(step, powers, error)
    }
  }

  #context ({ node, run, attempt, inputs }: Place, state: State, powers: RunPowers) {
    return stepContext({ plan: this.#run.plan, state, node, run, attempt, inputs }, this.#run.identity, powers)
  }

  #failed ({ node, run, attempt }: Place, powers: RunPowers, error: unknown): Signal {
    const told = briefError(powers.masked(toStepError(node, powers.masked(error), fault => { this.#host.fault(this.#run, fault) })))
    return { type: 'stepFailed', nodeId: node.id, run, attempt, error: told }
  }
}

function signalOf ({ node: { id: nodeId }, run, attempt }: Place, result: StepResult): Signal {
  if ('suspend' in result) return { type: 'stepSuspended', nodeId, run, attempt, wait: result.suspend, start: result.start }
  return { type: 'stepSucceeded', nodeId, run, attempt, outcome: result }
}

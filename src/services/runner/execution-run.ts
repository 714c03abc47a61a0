import { decide, type Signal } from '../../engine/decide.ts'
import type { Event, ExecutionStatus, Instant } from '../../engine/events.ts'
import { NodeError } from '../../engine/node-error.ts'
import type { Plan } from '../../engine/plan.ts'
import { isTerminal, withoutData, type State } from '../../engine/state.ts'
import type { Message } from '../../db/queries/inbox.ts'
import type { AppendResult } from './event-writer.ts'
import { endingOf } from './ending.ts'
import { isHeavy, Slice, weigh } from './long-runs.ts'
import { Mailbox } from './mailbox.ts'
import { Outgoing } from './outgoing.ts'
import { orGiveUp, record } from './record.ts'
import type { RunEnd, RunHost } from './run-host.ts'
import type { RunIdentity } from './run-identity.ts'
import { RunTimers } from './run-timers.ts'
import { StepRunner, type ResumeStep, type RunStep } from './step-runner.ts'
import { holding, leaseAtEnd, parking } from './to-segment.ts'

/**
 * Drives one execution in this process: feeds the engine with what happens and does what it commands. At most one
 * append is in flight; a step with effects starts only after everything before it, and its own start, is committed.
 */
export class ExecutionRun {
  readonly identity: RunIdentity
  readonly plan: Plan
  readonly startedAt: Instant
  readonly ended: Promise<RunEnd>
  #state: State
  readonly #host: RunHost
  readonly #steps: StepRunner
  #mail: Mailbox | undefined
  #outgoing: Outgoing | undefined
  readonly #signals: Signal[] = []
  #deciding = false
  #pending: Event[] = []
  #held: RunStep[] = []
  /** Of the pending events. */
  #weight = 0
  #pausing = false
  #appending = false
  #flushWanted = false
  #leased: boolean
  #progress = false
  readonly #timers: RunTimers
  #abort: AbortController | undefined
  #end: RunEnd | undefined
  #resolveEnded!: (end: RunEnd) => void
  #secured: (() => void) | undefined

  /** @param secured called once, when the execution is over or under a lease: its dispatch is no longer needed */
  constructor (host: RunHost, identity: RunIdentity, plan: Plan, state: State, leased: boolean, secured?: () => void) {
    this.identity = identity
    this.plan = plan
    this.#host = host
    this.#state = state
    this.#steps = new StepRunner(this, host)
    this.#timers = new RunTimers(host.now, () => { this.signal({ type: 'timerDue' }) })
    this.#leased = leased
    this.startedAt = host.now()
    this.ended = new Promise(resolve => { this.#resolveEnded = resolve })
    this.#secured = secured
  }

  get isLeased (): boolean { return this.#leased }
  get isOver (): boolean { return this.#end !== undefined }
  get status (): ExecutionStatus { return this.#state.status }
  /** Whether nothing is left to run: only the commit of the end is outstanding. */
  get isSettled (): boolean { return this.#end !== undefined || isTerminal(this.#state) }
  /** Whether an append is in flight that gives the lease back. */
  get isParking (): boolean { return this.#appending && this.#state.status !== 'running' }

  /** Reports something that happened. */
  signal (signal: Signal): void {
    if (this.#end !== undefined) return
    this.#signals.push(signal)
    this.#drain()
  }

  /** Goes on from recorded events, knowing what lies in the inbox: an answer that came in time goes before a deadline that has passed. */
  resume (messages: readonly Message[]): void {
    if (messages.length === 0) return this.signal({ type: 'resume' })
    this.#mail = new Mailbox()
    this.#mail.take(messages)
    this.signal({ type: 'resume', mail: this.#mail.waiting })
  }

  /** Hands over what lies in the execution's inbox; what was handed over before is known. */
  receive (messages: readonly Message[]): void {
    if (messages.length === 0 || this.#end !== undefined) return
    this.#mail ??= new Mailbox()
    if (this.#mail.take(messages)) this.#signals.push({ type: 'cancel' })
    for (const message of this.#mail.waiting) this.#signals.push({ type: 'message', message })
    this.#drain()
  }

  #drain (): void {
    if (this.#deciding || this.#pausing) return
    this.#deciding = true
    const slice = new Slice()
    try {
      for (let next = this.#signals.shift(); next !== undefined; next = this.#signals.shift()) {
        this.#decide(next)
        if (!slice.isLookDue() || isTerminal(this.#state)) continue
        if (slice.isOver()) return this.#pause()
        if (isHeavy(this.#weight) && this.#unload()) return
      }
      this.#afterDecisions()
    } catch (error) {
      // The state may be half changed: it is rebuilt from its events by whoever takes over when the lease has run out.
      this.#host.fault(this, error)
      this.abandon()
    } finally {
      this.#deciding = false
    }
  }

  /** Lets others have a turn: a loop over pure nodes would keep the process to itself. */
  #pause (): void {
    this.#pausing = true
    setImmediate(() => {
      this.#pausing = false
      if (this.#end === undefined) this.#drain()
    })
  }

  /** Commits what a long run has gathered, so that a segment stays of a size that can be handled. Answers whether it must wait for the segment before. */
  #unload (): boolean {
    if (this.#appending) return true
    this.#progress = true
    this.#append()
    return false
  }

  /** Commits what happened so far and takes a lease: for runs that take long. */
  flush (): void {
    if (this.#end !== undefined || this.#pending.length === 0) return
    this.#flushWanted = true
    this.#append()
  }

  /** Stops without recording anything more: the execution belongs to another, or will be resumed elsewhere. */
  abandon (end: RunEnd = 'lost'): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#abort?.abort(new NodeError('WC_ABANDONED', 'This worker no longer runs the execution'))
    this.#timers.clear()
    this.#resolveEnded(end)
    this.#secure()
  }

  #decide (signal: Signal): void {
    const before = this.#pending.length
    const { events, commands } = decide(this.plan, this.#state, signal, this.#host.now(), this.#pending)
    this.#weight += this.plan.hasLoops ? weigh(events, before) : events.length - before
    if (this.plan.timeout !== undefined) this.#timers.follow(this.plan.timeout, this.#state, signal, events.slice(before))
    for (const command of commands) {
      switch (command.type) {
        case 'runStep':
          if (command.node.effects === 'none' || command.node.disabled) this.#runStep(command)
          else this.#held.push(command)
          break
        case 'resumeStep':
          this.#resumeStep(command)
          break
        case 'startTimer':
          this.#timers.wakeAt(command.at)
          break
        case 'closeWait':
        case 'startChildren':
        case 'cancelChildren':
          this.#toSend().follow(command, this.#mail)
          break
        case 'respond':
          this.#flushWanted = true
          break
        case 'finish':
      }
    }
    if (signal.type === 'stepSuspended') this.#suspended()
  }

  #toSend (): Outgoing {
    return (this.#outgoing ??= new Outgoing(this.identity))
  }

  #resumeStep (command: ResumeStep): void {
    const { resumption } = command
    if (resumption.kind === 'message') {
      const used = this.#mail?.use(resumption.message)
      if (used !== undefined) this.#toSend().take(used)
    }
    // Before all else that has happened meanwhile: the step is asked once for each answer.
    this.#signals.unshift(this.#steps.resume(command, this.#state))
  }

  /** What a step waits for is known to others without delay; and it may have come before. */
  #suspended (): void {
    this.#flushWanted = true
    for (const message of this.#mail?.waiting ?? []) this.#signals.push({ type: 'message', message })
  }

  #runStep (command: RunStep): void {
    const signal = this.#steps.start(command, this.#state, later => { this.#report(later, command.node.effects !== 'none') })
    if (signal !== undefined) this.#signals.push(signal)
  }

  #afterDecisions (): void {
    if (isTerminal(this.#state)) {
      this.#timers.clear()
      this.#abort?.abort(new NodeError('WC_EXECUTION_OVER', 'The execution has ended'))
      this.#held = []
    }
    if (this.#state.status === 'waiting' && this.#pending.length === 0 && !this.#appending) {
      // Somebody's clock is ahead of ours: nothing is due, and nothing is new that could be recorded.
      this.#host.unpark(this, this.#timers.wakesAt, this.#mail?.read ?? [])
      return this.abandon('parked')
    }
    this.#appendIfDue()
  }

  #appendIfDue (): void {
    if (isTerminal(this.#state) || this.#held.length > 0 || this.#flushWanted || this.#state.status === 'waiting') this.#append()
  }

  /** An asynchronous step is over: committed without delay, unless a quick run may simply do it again. */
  #report (signal: Signal, hasEffects: boolean): void {
    this.#progress = true
    if (hasEffects || this.#leased) this.#flushWanted = true
    this.signal(signal)
  }

  /** Of the whole execution: aborted when it ends or leaves this process. */
  get abortSignal (): AbortSignal {
    return (this.#abort ??= new AbortController()).signal
  }

  /** Records what a node wants to have logged. */
  log (line: Omit<Extract<Event, { type: 'log' }>, 'type' | 'at'>): void {
    if (this.#end !== undefined || isTerminal(this.#state)) return
    this.#pending.push({ type: 'log', at: this.#host.now(), ...line })
    this.#state.seq++
  }

  #append (): void {
    if (this.#appending || this.#end !== undefined || this.#pending.length === 0) return this.#releaseHeld()
    const events = this.#pending
    const held = this.#held
    const terminal = isTerminal(this.#state)
    const ending = terminal ? endingOf(this.#host, this.identity, events.at(-1)!, { plan: this.plan, state: this.#state }) : undefined
    if (ending !== undefined) this.#toSend().end(ending)
    const outgoing = this.#outgoing
    this.#pending = []
    this.#weight = 0
    this.#held = []
    this.#outgoing = undefined
    this.#flushWanted = false
    const parkedUntil = this.#state.status === 'waiting' ? this.#timers.wakesAt : undefined
    this.#appending = true
    const lease = terminal ? leaseAtEnd(this.#leased) : parkedUntil === undefined ? holding(this.#progress) : parking(this.plan, this.#state, parkedUntil, this.#mail)
    if (lease.kind === 'hold') this.#progress = false
    // Many wait for their last commit at a time, and none of them needs its items any more.
    if (terminal) this.#state = withoutData(this.#state)
    const recorded = record(this.#host, this.identity, events, this.#state.seq, lease, outgoing)
    orGiveUp(this.#host, this, recorded, result => { this.#appended(result, terminal, parkedUntil, held) })
  }

  #secure (): void {
    this.#secured?.()
    this.#secured = undefined
  }

  #appended (result: AppendResult, terminal: boolean, parkedUntil: Instant | undefined, held: readonly RunStep[]): void {
    this.#appending = false
    if (this.#end !== undefined) return
    if (result !== 'written') return this.abandon(result === 'blocked' ? 'reload' : 'lost')
    if (parkedUntil !== undefined) this.#host.parked(this, parkedUntil)
    if (terminal || parkedUntil !== undefined) return this.abandon(terminal ? 'finished' : 'parked')
    this.#leased = true
    this.#secure()
    this.#start(held)
    // What waited for this segment before it made more events.
    if (this.#signals.length > 0) this.#drain()
    this.#appendIfDue()
  }

  /** Steps whose start is committed already: nothing was pending when they were to be released. */
  #releaseHeld (): void {
    if (this.#appending || this.#end !== undefined || this.#held.length === 0) return
    this.#start(this.#held.splice(0))
  }

  #start (steps: readonly RunStep[]): void {
    // The execution may have been cancelled while the start of its steps was on its way to the database.
    if (steps.length === 0 || isTerminal(this.#state)) return
    this.#deciding = true
    for (const step of steps) this.#runStep(step)
    this.#deciding = false
    if (this.#signals.length > 0) this.#drain()
  }
}

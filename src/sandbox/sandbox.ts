import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { CodeAnswer, CodeRun } from '../engine/code/run-code.ts'
import { NodeError } from '../engine/node-error.ts'
import { readAnswer } from './read-answer.ts'
import { ProcessLost, SandboxProcess } from './sandbox-process.ts'
import { Turns } from './turns.ts'

export interface SandboxOptions {
  /** Processes at most; one organization uses half of them, at least one. */
  readonly processes: number
  /** Bytes that one run may use. */
  readonly memory: number
  readonly log: Logger
  /** Milliseconds after which a process without work ends. */
  readonly idleTime?: number
}

export interface Sandbox {
  /** Runs code of an organization. An abort kills the process at once and rejects with its reason. */
  run (organizationId: string, run: CodeRun, signal: AbortSignal): Promise<CodeAnswer>
  /** Processes that live. */
  readonly processes: number
  /** Ends all of them, whatever they do. */
  close (): Promise<void>
}

interface Job {
  readonly run: CodeRun
  readonly signal: AbortSignal
  readonly resolve: (answer: CodeAnswer) => void
  readonly reject: (error: unknown) => void
}

/** Milliseconds between the deadline, at which the process stops the code itself, and its end by force. */
const KILL_AFTER = 250
const IDLE_TIME = 60_000
const SPARE_DELAY = 250
const MAX_WAITING = 10_000

/** A pool of processes that run code: started when needed, one of them ahead of need, ended when idle. */
export function createSandbox ({ processes: limit, memory, log, idleTime = IDLE_TIME }: SandboxOptions): Sandbox {
  const turns = new Turns<Job>(Math.max(1, Math.floor(limit / 2)))
  const living = new Set<SandboxProcess>()
  const idle = new Map<SandboxProcess, NodeJS.Timeout>()
  /** Killed, and not gone yet. */
  const leaving = new Set<SandboxProcess>()
  /** Organizations whose last run was long, or ended its process. */
  const costly = new Set<string>()
  let closing = false

  function open (): SandboxProcess {
    const process = new SandboxProcess(memory)
    living.add(process)
    void process.ended.then(() => {
      remove(process)
      leaving.delete(process)
      serveNext()
    })
    return process
  }

  function remove (process: SandboxProcess): void {
    living.delete(process)
    clearTimeout(idle.get(process))
    idle.delete(process)
  }

  /** Its place is free at once: it is killed, and no code can put that off. */
  function retire (process: SandboxProcess): void {
    remove(process)
    if (process.isAlive) leaving.add(process)
    process.kill()
  }

  function rest (process: SandboxProcess): void {
    if (closing || !process.isAlive) return
    idle.set(process, setTimeout(() => { retire(process) }, idleTime).unref())
  }

  /** Those that anybody may have, and wait for work. */
  function shared (): SandboxProcess[] {
    return [...idle.keys()].filter(one => !one.isDemoted)
  }

  /**
   * The one that this organization used last, else one that nobody used, else any; else a new one. Whoever's code ran long, or
   * ended its process, starts another for it instead of taking the one that others are used to, and leaves none to others.
   */
  function pick (organizationId: string): SandboxProcess {
    const free = [...idle.keys()].find(one => one.organizationId === organizationId) ?? shared().find(one => one.organizationId === undefined)
    const process = free ?? (costly.has(organizationId) && living.size < limit ? undefined : shared()[0])
    if (process === undefined) {
      const [demoted] = idle.keys()
      if (living.size >= limit && demoted !== undefined) retire(demoted)
      return open()
    }
    clearTimeout(idle.get(process))
    idle.delete(process)
    return process
  }

  function serveNext (): void {
    if (closing || (idle.size === 0 && living.size >= limit)) return
    const turn = turns.take()
    if (turn === undefined) return
    void serve(pick(turn.organizationId), turn.organizationId, turn.entry)
    serveNext()
  }

  async function serve (process: SandboxProcess, organizationId: string, job: Job): Promise<void> {
    // The next one need not wait for a process to start, and this one not share the machine with it.
    setTimeout(() => { if (!closing && living.size < limit && shared().length === 0) rest(open()) }, SPARE_DELAY).unref()
    let used = process
    let reusable = false
    try {
      const { spent, ...answer } = await answerOf(process, organizationId, job).catch(async error => {
        if (!(error instanceof ProcessLost) || closing) throw error
        // It may have died while it had nothing to do, and code has no effects: once more, in a new one.
        await process.ended
        used = open()
        return await answerOf(used, organizationId, job)
      })
      reusable = !spent
      job.resolve(answer)
    } catch (error) {
      job.reject(error instanceof ProcessLost ? new NodeError('WC_CODE_CRASHED', 'The process that ran the code ended unexpectedly, twice', { retryable: true }) : error)
    }
    turns.release(organizationId)
    if (reusable && !used.isDemoted) costly.delete(organizationId)
    else costly.add(organizationId)
    if (reusable) rest(used)
    else retire(used)
    serveNext()
  }

  async function answerOf (process: SandboxProcess, organizationId: string, { run, signal }: Job): Promise<CodeAnswer & { spent: boolean }> {
    let late = false
    const kill = (): void => { process.kill() }
    signal.addEventListener('abort', kill, { once: true })
    let timer: NodeJS.Timeout | undefined
    try {
      await process.ready
      const wipe = process.organizationId !== undefined && process.organizationId !== organizationId
      process.organizationId = organizationId
      const message = [JSON.stringify({ timeout: run.timeout, wipe, dates: run.dates }), ...run.lines()].join('\n')
      timer = setTimeout(() => { late = true; kill() }, run.timeout + KILL_AFTER)
      const sentAt = performance.now()
      const answer = await process.ask(message)
      const elapsed = performance.now() - sentAt
      return { ...await readAnswer(answer), elapsed }
    } catch (error) {
      signal.throwIfAborted()
      if (late) return { logs: [], elapsed: run.timeout, result: { failure: { kind: 'timeout' } }, spent: true }
      if (error instanceof NodeError) throw error
      if (!closing) log.error({ err: error, organizationId }, 'A process that ran code was lost')
      kill()
      throw error instanceof ProcessLost ? error : new ProcessLost('A sandbox process spoke nonsense', { cause: error })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
    }
  }

  return {
    get processes () { return living.size },

    async run (organizationId, run, signal) {
      signal.throwIfAborted()
      if (closing || turns.size >= MAX_WAITING) throw new NodeError('WC_CODE_BUSY', 'Too much code waits to be run', { retryable: true })
      // All code steps of an execution wait for the same signal.
      setMaxListeners(0, signal)
      return await new Promise((resolve, reject) => {
        const onAbort = (): void => { if (turns.remove(organizationId, job)) reject(signal.reason) }
        const settled = (): void => { signal.removeEventListener('abort', onAbort) }
        const job: Job = { run, signal, resolve: answer => { settled(); resolve(answer) }, reject: error => { settled(); reject(error) } }
        signal.addEventListener('abort', onAbort, { once: true })
        turns.add(organizationId, job)
        serveNext()
      })
    },

    async close () {
      closing = true
      for (const job of turns.drain()) job.reject(new NodeError('WC_CODE_BUSY', 'The service is stopping', { retryable: true }))
      const all = [...living, ...leaving]
      for (const process of living) process.kill()
      await Promise.all(all.map(async process => { await process.ended }))
    }
  }
}

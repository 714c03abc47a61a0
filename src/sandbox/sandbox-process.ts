import { spawn, type ChildProcess } from 'node:child_process'
import { setPriority } from 'node:os'
import { encodeFrame, FrameReader } from './child/frames.js'
import { MAX_ANSWER_BYTES, startOf } from './options.ts'
import { watchLongRun } from './yield-watch.ts'

/** Below the service itself: what runs in a sandbox must not make webhooks wait. */
const PRIORITY = 5
/** Of one that has run long, below those whose runs are short. */
const LOW_PRIORITY = 15
/** How long it may take to start, on a machine that has other things to do. */
const START_LIMIT = 30_000
const LAST_WORDS = 2000

/** The process ended, or spoke nonsense, while it owed an answer. */
export class ProcessLost extends Error {}

/**
 * A process that runs code, one message at a time. It ends with its parent: its standard input is a pipe that closes
 * then, and while code runs it looks at who its parent is.
 */
export class SandboxProcess {
  /** Whose code it ran last. */
  organizationId: string | undefined
  /** It ran something long, and lets all others go first for ever: only the superuser could raise its priority again. */
  isDemoted = false
  /** Settles when it can run code; rejects where it never will. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #reader = new FrameReader(MAX_ANSWER_BYTES)
  #waiting: { resolve: (answer: string) => void, reject: (error: Error) => void } | undefined
  #lost: Error | undefined
  #lastWords = ''

  constructor (memory: number) {
    const { command, args, cwd } = startOf(memory)
    const child = spawn(command, args, { cwd, env: {}, stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true })
    this.#child = child
    // Before it has threads: they inherit it, and what starts is nobody's hurry either.
    this.#setPriority(PRIORITY)
    this.ended = new Promise(resolve => {
      child.once('exit', (code, signal) => { this.#lose(`ended with ${signal ?? `code ${code}`}`); resolve() })
      child.once('error', error => { this.#lose(error.message); resolve() })
    })
    child.stdout?.on('data', (chunk: Buffer) => { this.#read(chunk) })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { this.#lastWords = (this.#lastWords + text).slice(0, LAST_WORDS) })
    // A process that is gone refuses what is written; that it is gone is told by its end.
    child.stdin?.on('error', () => {})
    const limit = setTimeout(() => { this.#lose(`did not start within ${START_LIMIT} ms`); this.kill() }, START_LIMIT)
    this.ready = this.#answer().then(() => {}).finally(() => { clearTimeout(limit) })
    // Who waits for it hears of it.
    this.ready.catch(() => {})
  }

  get isAlive (): boolean {
    return this.#lost === undefined
  }

  /** Sends one message to a process that is ready and gives its answer. Rejects with ProcessLost. */
  async ask (message: string): Promise<string> {
    const answer = this.#answer()
    const unwatch = this.isDemoted ? undefined : watchLongRun(this.#child.pid, () => { this.#demote() })
    try {
      this.#child.stdin?.write(encodeFrame(message))
      return await answer
    } finally {
      unwatch?.()
    }
  }

  kill (): void {
    this.#child.kill('SIGKILL')
  }

  #answer (): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) reject(this.#lost)
      else this.#waiting = { resolve, reject }
    })
  }

  #read (chunk: Buffer): void {
    try {
      for (const answer of this.#reader.push(chunk)) {
        this.#waiting?.resolve(answer)
        this.#waiting = undefined
      }
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error))
      this.kill()
    }
  }

  #lose (reason: string): void {
    this.#lost ??= new ProcessLost(`A sandbox process ${reason}${this.#lastWords === '' ? '' : `: ${this.#lastWords.trim()}`}`)
    this.#waiting?.reject(this.#lost)
    this.#waiting = undefined
  }

  #demote (): void {
    this.isDemoted = true
    this.#setPriority(LOW_PRIORITY)
  }

  #setPriority (priority: number): void {
    try {
      if (this.#child.pid !== undefined) setPriority(this.#child.pid, priority)
    } catch {
      // Ended already, or the platform has no such thing.
    }
  }
}

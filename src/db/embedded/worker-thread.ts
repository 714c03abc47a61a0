import { Worker } from 'node:worker_threads'
import type { LogLevel, WorkerInput, WorkerMessage } from './messages.ts'

// The compiled program has no TypeScript beside it; the source runs under a loader that the thread inherits.
const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
/** Longer than the worker's own grace for open transactions plus a checkpoint of all buffers. */
const CLOSE_TIMEOUT_MS = 20_000

/** The thread that holds the database, seen from its parent. */
export class WorkerThread {
  /** Settles when it takes connections, with the port of a TCP address. */
  readonly ready: Promise<number | undefined>
  /** Settles only when the thread ends without having been told to. */
  readonly failed: Promise<Error>
  private readonly worker: Worker
  private readonly exited: Promise<void>
  private closing: Promise<void> | undefined

  constructor (input: WorkerInput, log: (level: LogLevel, message: string, data?: object) => void) {
    const worker = new Worker(entry, { name: 'embedded-database', workerData: input })
    this.worker = worker
    this.exited = new Promise(resolve => { worker.once('exit', () => resolve()) })
    let reason: Error | undefined
    worker.once('error', error => { reason ??= error })
    this.failed = new Promise(resolve => {
      worker.once('exit', code => {
        if (this.closing === undefined) resolve(failure(reason ?? new Error(`its thread ended with code ${code}`)))
      })
    })
    this.ready = new Promise((resolve, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'ready') resolve(message.port)
        else if (message.type === 'log') log(message.level, message.message, message.data)
        else reason ??= new Error(message.message)
      })
      void this.failed.then(reject)
    })
    // Who waits for `ready` hears of it; who no longer does has `failed`.
    this.ready.catch(() => {})
  }

  async close (): Promise<void> {
    this.closing ??= this.stop()
    await this.closing
  }

  private async stop (): Promise<void> {
    const timer = setTimeout(() => { void this.worker.terminate() }, CLOSE_TIMEOUT_MS)
    this.worker.postMessage('close')
    await this.exited
    clearTimeout(timer)
  }
}

function failure (cause: Error): Error {
  return new Error(`The embedded database has stopped: ${cause.message}`, { cause })
}

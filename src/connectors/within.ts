import { NodeError } from '../engine/node-error.ts'
import type { Limits } from '../engine/nodes/connect.ts'

/**
 * Runs `work` for as long as it may take. When the time is up, or the step is aborted, `stop` is called (a cancel, a closed
 * connection) and this rejects at once, whatever the driver does about it.
 */
export async function within<T> ({ timeout, signal }: Limits, stop: () => void, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  let end: (reason: unknown) => void = () => {}
  const ended = new Promise<never>((_resolve, reject) => { end = reject })
  const halt = (reason: unknown): void => {
    end(reason)
    stop()
  }
  const onAbort = (): void => { halt(signal.reason) }
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => { halt(new NodeError('WC_CONNECTION_TIMEOUT', `No answer within ${timeout} ms`, { retryable: true })) }, timeout)
  const working = work()
  // Told by the race, where it matters.
  working.catch(() => {})
  try {
    return await Promise.race([working, ended])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

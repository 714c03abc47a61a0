/**
 * Runs `work` for 0 to count - 1, at most `limit` at once, and gives the results in that order. The first
 * failure aborts the signal of the others and is what this rejects with, once none is running any more.
 */
export async function eachBounded<T> (
  count: number, limit: number, signal: AbortSignal, work: (index: number, signal: AbortSignal) => Promise<T>
): Promise<readonly T[]> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const results = new Array<T>(count)
  let next = 0

  async function lane (): Promise<void> {
    while (next < count && !controller.signal.aborted) {
      const index = next++
      try {
        results[index] = await work(index, controller.signal)
      } catch (error) {
        controller.abort(error)
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: Math.min(limit, count) }, lane))
    controller.signal.throwIfAborted()
    return results
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

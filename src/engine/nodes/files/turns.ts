/** Milliseconds of work between two turns of the event loop: other executions live in this process too. */
const SLICE = 20

/** To be awaited now and then in long work: gives way to others when it is time, and ends with the step. */
export function turns (signal: AbortSignal): () => Promise<void> | undefined {
  let end = performance.now() + SLICE
  return () => performance.now() > end ? giveWay() : undefined

  async function giveWay (): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
    signal.throwIfAborted()
    end = performance.now() + SLICE
  }
}

/** Milliseconds of work on items between two turns of the event loop: other executions live in this process too. */
export const SLICE = 20

/** Lets others have their turn; rejects with the signal's reason. */
export async function giveWay (signal: AbortSignal): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
  signal.throwIfAborted()
}

/** What the work makes of each entry; gives way every now and then, and ends when it is aborted. */
export async function mapInSlices<T, R> (entries: readonly T[], signal: AbortSignal, work: (entry: T, index: number) => R): Promise<R[]> {
  const made: R[] = []
  let end = performance.now() + SLICE
  for (const [index, entry] of entries.entries()) {
    made.push(work(entry, index))
    if (performance.now() < end) continue
    await giveWay(signal)
    end = performance.now() + SLICE
  }
  return made
}

import { BODY } from '../support/load-generator.ts'
import type { Product } from '../support/product.ts'

export interface Batches {
  /** Executions committed and answered a second. */
  readonly rate: number
  /** milliseconds until a batch of 10,000 lines is answered, the longest */
  readonly longest: number
  /** Seconds of CPU of the API process for 1,000 executions. */
  readonly cpuPer1000: number
  /** Bytes, of the API process, the most that was seen. */
  readonly memory: number
}

const LINES = 10_000
const BATCH = Buffer.from(`${BODY}\n`.repeat(LINES))
/** At once: while one is read another waits for its last statement. */
const SENDERS = 2

/** Posts batches of 10,000 lines of 1 KB one after the other. No worker runs, so all that is measured is the way in. */
export async function batches ({ hook, processes }: Product, count: number): Promise<Batches> {
  await send(hook)
  let left = count
  let longest = 0
  let memory = 0
  const cpuBefore = await processes[0]!.cpu()
  const began = performance.now()
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    while (left-- > 0) {
      const sent = performance.now()
      await send(hook)
      longest = Math.max(longest, performance.now() - sent)
      memory = Math.max(memory, await processes[0]!.memory())
    }
  }))
  const rate = count * LINES / ((performance.now() - began) / 1000)
  return { rate, longest, cpuPer1000: (await processes[0]!.cpu() - cpuBefore) / (count * LINES) * 1000, memory }
}

async function send (hook: string): Promise<void> {
  const answer = await fetch(`${hook}?batch=true`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: BATCH })
  const accepted = (await answer.text()).split('"executionId"').length - 1
  if (answer.status !== 202 || accepted !== LINES) throw new Error(`A batch was answered with ${answer.status}, and ${accepted} of ${LINES} lines were accepted`)
}

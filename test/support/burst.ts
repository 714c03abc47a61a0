import type { ApiClient } from './api-client.ts'

export interface Burst {
  /** Ids of those that were answered 202 */
  readonly accepted: Set<string>
  /** Answers other than 202, by status; 0 where there was none */
  readonly refused: Map<number, number>
  /** 503s and 429s that did not say when to come back */
  withoutRetryAfter: number
  slowest: number
  readonly done: Promise<void>
  stop (): void
}

/** Posts `count` requests, `lanes` at a time; each id is noted as its 202 arrives. Nothing is sent again. */
export function burst (client: ApiClient, path: string, { count, lanes = 32, pause = 0 }: { count: number, lanes?: number, pause?: number }): Burst {
  let next = 0
  let stopped = false
  const result = { accepted: new Set<string>(), refused: new Map<number, number>(), withoutRetryAfter: 0, slowest: 0 }

  async function post (n: number): Promise<void> {
    const began = Date.now()
    const answer = await client.hook(path, { n }).catch(() => undefined)
    result.slowest = Math.max(result.slowest, Date.now() - began)
    if (answer?.status === 202) {
      result.accepted.add(answer.body.executionId)
      return
    }
    const status = answer?.status ?? 0
    result.refused.set(status, (result.refused.get(status) ?? 0) + 1)
    if (answer !== undefined && !answer.headers.has('retry-after')) result.withoutRetryAfter++
  }

  async function lane (): Promise<void> {
    while (!stopped && next < count) {
      await post(next++)
      if (pause > 0) await new Promise(resolve => setTimeout(resolve, pause))
    }
  }

  const done = Promise.all(Array.from({ length: lanes }, lane)).then(() => undefined)
  return Object.assign(result, { done, stop () { stopped = true } })
}

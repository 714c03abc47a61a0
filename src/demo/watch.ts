import { tailEvents, type EventFrame } from '../cli/tail-client.ts'

export interface Watch {
  /** Resolves with the time (`performance.now()`) at which the execution was seen to end; rejects if nothing can be seen any more. */
  ended (executionId: string): Promise<number>
  close (): void
}

interface Ending {
  readonly seen: Promise<number>
  readonly resolve: (time: number) => void
}

const TERMINAL = /^execution\.(succeeded|failed|cancelled|timedOut)$/

/** Tails the whole organization; resolves once events are seen. */
export async function watchOrganization (url: string, apiKey: string, onEvent: (event: EventFrame) => void): Promise<Watch> {
  const stop = new AbortController()
  const endings = new Map<string, Ending>()
  function endingOf (executionId: string): Ending {
    let ending = endings.get(executionId)
    if (ending === undefined) {
      const { promise: seen, resolve } = withResolvers<number>()
      ending = { seen, resolve }
      endings.set(executionId, ending)
    }
    return ending
  }

  const connected = withResolvers<void>()
  async function follow (): Promise<never> {
    for await (const frame of tailEvents({ url, apiKey, target: { organization: true }, signal: stop.signal, onConnected: connected.resolve })) {
      onEvent(frame)
      if (TERMINAL.test(frame.event.type)) endingOf(frame.executionId).resolve(performance.now())
    }
    throw new Error('The tail ended')
  }
  const following = follow()
  following.catch(() => undefined)
  await Promise.race([connected.promise, following])
  return {
    ended: async executionId => await Promise.race([endingOf(executionId).seen, following]),
    close: () => { stop.abort() }
  }
}

function withResolvers<T> (): { promise: Promise<T>, resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(_resolve => { resolve = _resolve })
  return { promise, resolve }
}

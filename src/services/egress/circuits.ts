import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen, isBrokenCircuitError, type CircuitBreakerPolicy } from 'cockatiel'
import type { Logger } from 'pino'
import { NodeError } from '../../engine/node-error.ts'
import { FetchError, type IncomingResponse } from '../../lib/guarded-fetch/index.ts'
import type { Clock } from '../../lib/ids.ts'
import { LruCache } from '../../lib/lru-cache.ts'
import type { Metrics } from '../metrics.ts'
import type { CircuitBoard } from './circuit-board.ts'

export interface Destination {
  readonly organizationId: string
  readonly host: string
}

export interface CircuitSettings {
  /** Failures in a row that open a circuit; 0 is never. */
  readonly failures: number
  /** Milliseconds that it stays open, before one call tries the destination again. */
  readonly pause: number
}

export interface CircuitOptions {
  readonly circuit: CircuitSettings
  readonly metrics: Pick<Metrics, 'openCircuits' | 'brokenCircuits'>
  readonly board: CircuitBoard
  readonly log: Pick<Logger, 'warn' | 'info'>
  readonly now: Clock
}

export interface Circuits {
  /** Throws NodeError WC_CIRCUIT_OPEN, without calling, while the destination keeps failing. */
  call (destination: Destination, work: () => Promise<IncomingResponse>): Promise<IncomingResponse>
}

interface Circuit {
  readonly policy: CircuitBreakerPolicy
  openedAt: number
  lastFailure: string
}

/** Those of the most recent destinations: a forgotten one starts anew, closed. */
const REMEMBERED = 5000

export function createCircuits ({ circuit: { failures, pause }, metrics, board, log, now }: CircuitOptions): Circuits {
  const circuits = new LruCache<string, Circuit>(REMEMBERED)

  function create (destination: Destination): Circuit {
    // The far side's own failures only: what is wrong with a request, or its proxy, says nothing of its destination.
    const policy = circuitBreaker(handleWhen(error => error instanceof FetchError && error.retryable && error.code !== 'WC_HTTP_PROXY').orWhenResult(isFailure), {
      breaker: new ConsecutiveBreaker(failures), halfOpenAfter: pause
    })
    const circuit: Circuit = { policy, openedAt: 0, lastFailure: '' }
    let suspended = false
    policy.onStateChange(state => {
      const open = state !== CircuitState.Closed
      if (open === suspended) return
      suspended = open
      if (open) metrics.openCircuits.inc()
      else metrics.openCircuits.dec()
    })
    policy.onFailure(({ reason }) => { circuit.lastFailure = describe(reason) })
    policy.onBreak(() => {
      circuit.openedAt = now()
      metrics.brokenCircuits.inc()
      board.opened(destination, { openedAt: circuit.openedAt, retryAt: circuit.openedAt + pause, lastFailure: circuit.lastFailure })
      log.warn({ ...destination, lastFailure: circuit.lastFailure, pause }, 'A destination keeps failing and is not called for now')
    })
    policy.onReset(() => {
      board.closed(destination)
      log.info({ ...destination }, 'A destination that kept failing is called again')
    })
    return circuit
  }

  return {
    async call (destination, work) {
      if (failures === 0) return await work()
      const key = `${destination.organizationId} ${destination.host}`
      let circuit = circuits.get(key)
      if (circuit === undefined) {
        circuit = create(destination)
        circuits.set(key, circuit)
      }
      try {
        return await circuit.policy.execute(work)
      } catch (error) {
        if (!isBrokenCircuitError(error)) throw error
        throw refusal(destination, circuit)
      }
    }
  }

  function refusal ({ host }: Destination, { openedAt, lastFailure }: Circuit): NodeError {
    const retryAfter = Math.max(0, openedAt + pause - now())
    return new NodeError('WC_CIRCUIT_OPEN', `${host} failed ${failures} times in a row and is not called for now; the last time: ${lastFailure}`, {
      retryable: true, retryAfter, data: { host, state: 'open', since: new Date(openedAt).toISOString(), lastFailure }
    })
  }
}

/** 501 and 505 are about the request. */
function isFailure (result: unknown): boolean {
  const { status } = result as IncomingResponse
  return status >= 500 && status !== 501 && status !== 505
}

function describe (reason: { error: Error } | { value: unknown }): string {
  return 'error' in reason ? reason.error.message : `it answered ${(reason.value as IncomingResponse).status}`
}

import type { Logger } from 'pino'
import type { Fetch, IncomingResponse, OutgoingRequest } from '../../lib/guarded-fetch/index.ts'
import type { Clock } from '../../lib/ids.ts'
import type { Metrics } from '../metrics.ts'
import type { CircuitBoard } from './circuit-board.ts'
import { createCircuits, type CircuitSettings } from './circuits.ts'
import { createPacer } from './pacer.ts'

/** A request on behalf of an organization. */
export type TenantFetch = (request: OutgoingRequest, organizationId: string) => Promise<IncomingResponse>

export interface EgressOptions {
  readonly fetch: Fetch
  readonly circuit: CircuitSettings
  readonly metrics: Pick<Metrics, 'openCircuits' | 'brokenCircuits'>
  readonly board: CircuitBoard
  readonly log: Pick<Logger, 'warn' | 'info'>
  readonly now: Clock
}

/**
 * The way out of steps: paced where they ask for it, and not to destinations that keep failing. Both are kept for each
 * organization and host: no tenant is slowed down or cut off by what another does.
 */
export function createEgress ({ fetch, ...options }: EgressOptions): { fetch: TenantFetch } {
  const pacer = createPacer()
  const circuits = createCircuits(options)
  return {
    async fetch (request, organizationId) {
      // What is wrong with a URL the guard says best.
      if (!URL.canParse(request.url)) return await fetch(request)
      const destination = { organizationId, host: new URL(request.url).host }
      if (request.pace !== undefined) await pacer.turn(destination, request.pace, request.signal)
      return await circuits.call(destination, async () => await fetch(request))
    }
  }
}

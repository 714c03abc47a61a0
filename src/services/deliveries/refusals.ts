import type { Logger } from 'pino'
import { insertRefused, type RefusedDelivery } from '../../db/queries/deliveries.ts'
import type { Sql } from '../../db/client.ts'
import { answered } from '../../lib/deadline.ts'
import type { Problem } from '../../lib/problem.ts'
import type { Metrics } from '../metrics.ts'
import type { ArrivingRequest } from '../webhooks/gate.ts'
import type { Endpoints } from '../webhooks/endpoints.ts'
import { withoutSecrets } from './redact.ts'

export type RefusedRequest = Omit<ArrivingRequest, 'body'> & { readonly slug: string, readonly bodySize: number }

/** Remembers requests to webhooks that were refused. Never waits: whoever is refused may come often. */
export interface Refusals {
  note (request: RefusedRequest, problem: Problem): void
  close (): Promise<void>
}

const INTERVAL = 1000
/** Of one organization, and of all, in a second. */
const MOST_EACH = 20
const MOST = 500
const LONGEST = 2048
const TEXT = (value: string): string => value.replaceAll('\0', '\ufffd').slice(0, LONGEST)

export function createRefusals ({ sql, endpoints, metrics, log, nextId }: { sql: Sql, endpoints: Pick<Endpoints, 'known' | 'organizationOf'>, metrics: Metrics, log: Logger, nextId: () => string }): Refusals {
  let rows: RefusedDelivery[] = []
  let each = new Map<string, number>()
  let writing: Promise<void> = Promise.resolve()

  function write (): void {
    if (rows.length === 0) return
    const batch = rows
    rows = []
    each = new Map()
    writing = answered(insertRefused(sql, batch)).catch((error: unknown) => {
      metrics.refusedUnlogged.inc(batch.length)
      log.debug({ err: error, count: batch.length }, 'Refused requests could not be recorded')
    })
  }

  const timer = setInterval(write, INTERVAL).unref()
  return {
    note ({ slug, method, path, queryText, headers, address, bodySize }, { status, code, message }) {
      const organizationId = endpoints.organizationOf(slug)
      if (organizationId === undefined) return
      const count = each.get(organizationId) ?? 0
      if (count >= MOST_EACH || rows.length >= MOST) {
        metrics.refusedUnlogged.inc()
        return
      }
      each.set(organizationId, count + 1)
      const match = endpoints.known(slug, method, path)
      const endpoint = match?.kind === 'found' ? match.endpoint : undefined
      rows.push({
        id: nextId(),
        organizationId,
        workflowId: endpoint?.workflowId ?? null,
        nodeId: endpoint?.nodeId ?? null,
        method,
        path: TEXT(path),
        query: TEXT(withoutSecrets.query(queryText)),
        headers: withoutSecrets.headers(headers, endpoint?.secretHeader),
        bodySize,
        address,
        responseStatus: status,
        code,
        detail: TEXT(message)
      })
    },
    async close () {
      clearInterval(timer)
      write()
      await writing
    }
  }
}

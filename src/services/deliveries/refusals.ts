import type { Logger } from 'pino'
import { insertAnswers, insertRefused, type DeliveryAnswer, type RefusedDelivery } from '../../db/queries/deliveries.ts'
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
  /** @param line of a batch, where only that was refused */
  note (request: RefusedRequest, problem: Problem, line?: number): void
  /** What a caller was answered by the workflow that the request started. */
  answered (slug: string, executionId: string, responseStatus: number): void
  close (): Promise<void>
}

const INTERVAL = 1000
/** Of one organization, and of all, in a second. */
const MOST_EACH = 20
const MOST = 500
/** Answers of workflows in a second; of more it is not recorded what they were. */
const MOST_ANSWERS = 10_000
const LONGEST = 2048
const TEXT = (value: string): string => value.replaceAll('\0', '\ufffd').slice(0, LONGEST)

export function createRefusals ({ sql, endpoints, metrics, log, nextId }: { sql: Sql, endpoints: Pick<Endpoints, 'known' | 'organizationOf'>, metrics: Metrics, log: Logger, nextId: () => string }): Refusals {
  let rows: RefusedDelivery[] = []
  let each = new Map<string, number>()
  let answers: DeliveryAnswer[] = []
  let writing: Promise<void> = Promise.resolve()

  function write (): void {
    const told = answers
    answers = []
    if (told.length > 0) {
      writing = answered(insertAnswers(sql, told)).catch((error: unknown) => {
        log.debug({ err: error, count: told.length }, 'What callers were answered could not be recorded')
      })
    }
    if (rows.length === 0) return
    const batch = rows
    rows = []
    each = new Map()
    const before = writing
    writing = answered(insertRefused(sql, batch)).then(async () => { await before }).catch((error: unknown) => {
      metrics.refusedUnlogged.inc(batch.length)
      log.debug({ err: error, count: batch.length }, 'Refused requests could not be recorded')
    })
  }

  const timer = setInterval(write, INTERVAL).unref()
  return {
    note ({ slug, method, path, queryText, headers, address, bodySize }, { status, code, message }, line) {
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
        detail: TEXT(line === undefined ? message : `Line ${line}: ${message}`)
      })
    },
    answered (slug, executionId, responseStatus) {
      const organizationId = endpoints.organizationOf(slug)
      if (organizationId === undefined || answers.length >= MOST_ANSWERS) return
      answers.push({ executionId, organizationId, responseStatus })
    },
    async close () {
      clearInterval(timer)
      write()
      await writing
    }
  }
}

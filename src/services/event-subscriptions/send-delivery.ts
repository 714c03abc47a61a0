import type { Database } from '../../db/client.ts'
import type { DeliveryOutcome, DueDelivery } from '../../db/queries/event-deliveries.ts'
import { findExecution } from '../../db/queries/executions.ts'
import type { Fetch } from '../../lib/guarded-fetch/index.ts'
import { SecretBoxError } from '../../lib/secret-box.ts'
import type { Vault } from '../credentials/vault.ts'
import { toExecution } from '../executions/view.ts'
import { pauseAfter } from './retry-plan.ts'
import { openSecrets, validSecrets } from './secrets.ts'
import { signatureHeaders } from './signature.ts'

export interface SendDependencies {
  readonly database: Pick<Database, 'tenant'>
  readonly fetch: Fetch
  readonly vault: Vault
  /** Milliseconds since the epoch */
  readonly now: () => number
}

/** milliseconds */
export const SEND_TIMEOUT = 15_000
const MAX_RESPONSE = 1024 * 1024
/** Characters of an answer that are kept. */
const KEPT_RESPONSE = 1000
const GONE = 410

type Attempt = Pick<DeliveryOutcome, 'responseStatus' | 'responseBody' | 'error'>

/** One attempt, and what follows from it. Rejects where the database is away, or with `signal.reason`. */
export async function sendDelivery (deps: SendDependencies, due: DueDelivery, signal: AbortSignal): Promise<DeliveryOutcome & { readonly gone: boolean }> {
  const attempt = await post(deps, due, await bodyOf(deps, due), signal)
  const { responseStatus } = attempt
  const { id, attempts } = due
  if (responseStatus !== null && responseStatus >= 200 && responseStatus < 300) return { id, attempts, status: 'delivered', pause: 0, ...attempt, error: null, gone: false }
  const pause = responseStatus === GONE ? undefined : pauseAfter(attempts, Math.random())
  return { id, attempts, status: pause === undefined ? 'failed' : 'pending', pause: pause ?? 0, ...attempt, gone: responseStatus === GONE }
}

async function bodyOf ({ database }: SendDependencies, { organizationId, type, workflowId, executionId, data, occurredAt }: DueDelivery): Promise<string> {
  return JSON.stringify({
    type,
    timestamp: occurredAt,
    data: executionId === null ? JSON.parse(data ?? '{}') : await executionData(database, organizationId, executionId) ?? { id: executionId, workflowId, status: type.slice(type.indexOf('.') + 1) }
  })
}

/** An ended execution does not change, so that each attempt says the same; undefined where it was deleted meanwhile. */
async function executionData (database: Pick<Database, 'tenant'>, organizationId: string, executionId: string): Promise<object | undefined> {
  const row = await database.tenant(organizationId).run(async tx => await findExecution(tx, organizationId, executionId))
  return row === undefined ? undefined : toExecution(row)
}

async function post ({ fetch, vault, now }: SendDependencies, due: DueDelivery, body: string, signal: AbortSignal): Promise<Attempt> {
  try {
    const secrets = validSecrets(await openSecrets(vault, due, due), now())
    const { status, body: answer } = await fetch({
      method: 'POST',
      url: due.url,
      headers: { 'content-type': 'application/json', ...signatureHeaders(due.id, Math.floor(now() / 1000), body, secrets) },
      body,
      timeout: SEND_TIMEOUT,
      maxResponseSize: MAX_RESPONSE,
      followRedirects: 0,
      signal
    })
    const text = Buffer.from(answer).toString().replaceAll('\0', '\ufffd').slice(0, KEPT_RESPONSE)
    return { responseStatus: status, responseBody: text, error: status >= 200 && status < 300 ? null : `The far side answered ${status}.` }
  } catch (error) {
    if (signal.aborted) throw error
    const message = error instanceof SecretBoxError || error instanceof Error ? error.message : String(error)
    return { responseStatus: null, responseBody: null, error: message.slice(0, KEPT_RESPONSE) }
  }
}

import type { Cors } from '../../engine/nodes/webhook-cors.ts'
import type { Deduplicate } from '../../engine/nodes/webhook-deduplicate.ts'
import type { RateLimit } from '../../engine/nodes/webhook-rate-limit.ts'
import type { RequestSchema } from '../../engine/nodes/webhook-schema.ts'
import { secretHeaderOf, type VerifyParameters } from '../../engine/nodes/webhook-verify.ts'
import type { Plan, PlanNode } from '../../engine/plan.ts'
import type { PublishedWebhook } from '../../db/queries/published-webhooks.ts'
import { parseDuration } from '../../lib/duration.ts'
import { writeOrigin } from '../../lib/execution-origin.ts'
import type { Buckets } from '../../lib/token-bucket.ts'
import { limitOf, limitOfNode, takeAll, type RateHeaders } from '../rate-limit.ts'
import { compileCors, type CorsRules } from './cors.ts'
import { compileDeliveryKey, type DeliveryKey } from './delivery-key.ts'
import { compileGate, type Gate, type GateDependencies } from './gate.ts'
import { compileGreeting, type Greeting } from './handshake.ts'
import { compileRequestSchema, type SchemaCheck } from './request-schema.ts'
import type { Tallies, Tally } from './tallies.ts'

export type ResponseMode = 'immediate' | 'lastStep' | 'respondNode'

/** What a request is received by: all that the webhook node says, made ready once. What it does not say is undefined and costs nothing. */
export interface Endpoint extends PublishedWebhook {
  readonly response: ResponseMode
  /** milliseconds */
  readonly responseTimeout: number
  /** bytes, where the node sets its own */
  readonly maxBodySize: number | undefined
  /** In a multipart body, where the node sets its own */
  readonly maxFiles: number | undefined
  /** What requests must pass; undefined where the endpoint is open to all. */
  readonly gate: Gate | undefined
  /** The header that holds a secret itself, in lower case: it is not kept. */
  readonly secretHeader: string | undefined
  readonly greeting: Greeting | undefined
  readonly cors: CorsRules | undefined
  /** Counts a request against its limits. Throws TooManyRequests. */
  readonly limit: (() => Promise<RateHeaders>) | undefined
  readonly schema: SchemaCheck | undefined
  readonly deduplicate: DeliveryKey | undefined
  /** Whether a schema or a key needs the content. */
  readonly looksInto: boolean
  readonly tally: Tally
  /** Of the executions that it starts. */
  readonly origin: string
}

export interface EndpointParts {
  readonly gates: GateDependencies
  readonly buckets: Buckets
  /** Requests a minute of one organization; 0 is without limit. */
  readonly organizationLimit: number
  /** That of one, in the place of the common one. */
  readonly requestsPerMinute: (organizationId: string) => number | undefined
  readonly tallies: Tallies
}

const DEFAULT_RESPONSE_TIMEOUT = 30_000
const MINUTE = 60_000

export function compileEndpoint (parts: EndpointParts, webhook: PublishedWebhook, plan: Plan, { written }: PlanNode): Endpoint {
  const limit = compileLimit(parts, webhook, written['rateLimit'] as RateLimit | undefined)
  const { response, responseTimeout, maxBodySize, maxFiles, verify, schema, deduplicate, cors } = written
  return {
    ...webhook,
    response: (response ?? 'immediate') as ResponseMode,
    responseTimeout: typeof responseTimeout === 'string' ? parseDuration(responseTimeout) : DEFAULT_RESPONSE_TIMEOUT,
    maxBodySize: typeof maxBodySize === 'number' ? maxBodySize : undefined,
    maxFiles: typeof maxFiles === 'number' ? maxFiles : undefined,
    gate: compileGate(parts.gates, webhook.organizationId, written),
    secretHeader: verify === undefined ? undefined : secretHeaderOf(verify as VerifyParameters),
    greeting: compileGreeting(parts.gates, webhook.organizationId, written),
    cors: cors === undefined ? undefined : compileCors(cors as Cors),
    // Not made once: the operator may change what the organization may ask.
    get limit () { return limit() },
    schema: schema === undefined ? undefined : compileRequestSchema(schema as RequestSchema),
    deduplicate: deduplicate === undefined ? undefined : compileDeliveryKey(deduplicate as Deduplicate, plan),
    looksInto: schema !== undefined || deduplicate !== undefined,
    tally: parts.tallies.of(webhook),
    origin: writeOrigin({ priority: plan.limits.priority })
  }
}

function compileLimit ({ buckets, organizationLimit, requestsPerMinute }: EndpointParts, { organizationId, workflowId, nodeId }: PublishedWebhook, own: RateLimit | undefined): () => Endpoint['limit'] {
  let rate: number | undefined
  let present: Endpoint['limit']
  return () => {
    const wanted = requestsPerMinute(organizationId) ?? organizationLimit
    if (wanted === rate) return present
    rate = wanted
    const limits = [
      ...(own === undefined ? [] : [limitOfNode(`endpoint:${workflowId}:${nodeId}`, own)]),
      ...(wanted === 0 ? [] : [limitOf('organization', `organization:${organizationId}`, wanted, MINUTE)])
    ]
    present = limits.length === 0 ? undefined : async () => await takeAll(buckets, limits)
    return present
  }
}

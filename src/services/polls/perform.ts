import type { Sql } from '../../db/client.ts'
import { loadVariables } from '../../db/queries/load-definition.ts'
import type { Credential } from '../../engine/credentials/index.ts'
import { createMask, withoutSecrets } from '../../engine/credentials/mask.ts'
import { NodeError, type StepError } from '../../engine/node-error.ts'
import { withItemIndex } from '../../engine/nodes/http-errors.ts'
import type { Plan, PlanNode } from '../../engine/plan.ts'
import { compilePoll } from '../../engine/poll/compile.ts'
import { findItems, type Findings } from '../../engine/poll/find-items.ts'
import { answered } from '../../lib/deadline.ts'
import type { CredentialSource } from '../credentials/source.ts'
import type { TenantFetch } from '../egress/index.ts'
import { hashOf } from '../runner/key-memory.ts'

export interface PollReach {
  readonly sql: Sql
  readonly fetch: TenantFetch
  readonly credentials: Pick<CredentialSource, 'open'>
  readonly now: () => number
}

export interface PollRequest {
  readonly organizationId: string
  readonly plan: Plan
  readonly node: PlanNode
  readonly cursor: unknown
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

/** What a poll found, without the secrets that it was sent with; or why it found nothing. */
export type Performed =
  | { readonly findings: Omit<Findings, 'keys'>, readonly hashes: readonly (string | null)[] }
  | { readonly error: StepError }

/** Sends the request of a poll. Rejects with what is no fault of the poll: that of the database, or `signal.reason`. */
export async function perform ({ sql, fetch, credentials, now }: PollReach, { organizationId, plan, node, cursor, idempotencyKey, signal }: PollRequest): Promise<Performed> {
  const secrets = new Set<string>()
  async function open (id: string, types: readonly string[], refused?: number): Promise<Credential> {
    const { credential, secrets: more, tokenVersion } = await credentials.open(organizationId, id, refused)
    for (const secret of more) secrets.add(secret)
    if (!types.includes(credential.type)) throw new NodeError('WC_CREDENTIAL_TYPE', `The credential is of the type ${credential.type}; here it must be ${types.join(' or ')}`)
    return tokenVersion === undefined ? credential : { ...credential, renew: async () => await open(id, types, tokenVersion) }
  }
  const facts = {
    workflow: plan,
    nodeId: node.id,
    vars: plan.usesVars ? await answered(loadVariables(sql, organizationId, plan.workflowId)) : {},
    cursor,
    idempotencyKey
  }
  try {
    const { keys, ...found } = await findItems(compilePoll(node), facts, {
      signal,
      now,
      mask: () => createMask(secrets),
      fetch: async request => withoutSecrets(await fetch(request, organizationId), secrets),
      credential: async reference => {
        const { id = node.credentialId, types = node.type.credentials ?? [] } = reference ?? {}
        return id === undefined ? undefined : await open(id, types)
      }
    })
    return { findings: found, hashes: keys.map(key => key === null ? null : hashOf(key)) }
  } catch (error) {
    signal.throwIfAborted()
    const told = withItemIndex(error, 0)
    if (!(told instanceof NodeError)) throw error
    const { itemIndex: _none, data, ...rest } = told.toStepError()
    const mask = createMask(secrets)
    // Masked before it is cut: of a secret that the cut divides nobody would find the first half.
    return { error: { ...mask(rest), ...excerpt(mask(data)) } }
  }
}

const EXCERPT = 500

/** Of the answer that was an error: what it says, and not its headers. */
function excerpt (data: unknown): { data?: unknown } {
  if (typeof data !== 'object' || data === null) return {}
  const { status, body } = data as { status?: unknown, body?: unknown }
  return { data: { status, body: typeof body === 'string' ? body.slice(0, EXCERPT) : undefined } }
}

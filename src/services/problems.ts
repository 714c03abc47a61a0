import { defineProblem, type InputError } from '../lib/problem.ts'
import type { Permission } from './identity/permissions.ts'

/** The catalogue of what clients can be told. One entry a situation; the codes are part of the contract. */
export const InvalidInput = defineProblem('WC_INVALID_INPUT', 422, 'The input is not valid',
  (errors: readonly InputError[]) => ({ detail: `${errors.length} problem${errors.length === 1 ? '' : 's'} with the input; see errors.`, errors }))
export const MalformedRequest = defineProblem('WC_MALFORMED_REQUEST', 400, 'The request cannot be read', (why: string) => why)
export const Unauthenticated = defineProblem('WC_UNAUTHENTICATED', 401, 'Authentication is required',
  (why: string) => ({ detail: why, headers: { 'www-authenticate': 'Bearer realm="weconnect"' } }))
const proof = (why: string, challenge: string) => ({ detail: `${why} Nothing of this request was kept.`, headers: { 'www-authenticate': challenge } })
export const ProofMissing = defineProblem('WC_SIGNATURE_MISSING', 401, 'The request proves nothing',
  (challenge: string) => proof('This webhook accepts only requests that prove where they come from, and this one does not try to.', challenge))
export const ProofInvalid = defineProblem('WC_SIGNATURE_INVALID', 401, 'The proof is not valid',
  (challenge: string) => proof('The signature or secret does not fit the request. Sign the body as it is sent, with the present secret.', challenge))
export const ProofLate = defineProblem('WC_SIGNATURE_EXPIRED', 401, 'The proof is from another time',
  (challenge: string) => proof('The signature is good and its time is too far from now. Sign each attempt anew; look at the clock.', challenge))
export const HandshakeRefused = defineProblem('WC_HANDSHAKE_REFUSED', 403, 'This is not the place', () => 'The token of the handshake is not the one that this webhook was given.')
export const AddressRefused = defineProblem('WC_ADDRESS_REFUSED', 403, 'Not from this address', () => 'This webhook accepts requests from certain networks only, and this one came from elsewhere.')
export const WebhookSecretUnusable = defineProblem('WC_WEBHOOK_SECRET', 503, 'Nothing can be verified for now',
  (cause?: unknown) => ({ detail: 'The secret of this webhook cannot be used. Its owner must enter it again; until then nothing is accepted.', headers: { 'retry-after': '30' }, cause }))
export const TwoFactorRequired = defineProblem('WC_TWO_FACTOR_REQUIRED', 401, 'A second factor is required',
  () => ({ detail: 'The password is right, and this account has a second factor. Log in again with `code` from the authenticator, or a recovery code.', headers: { 'www-authenticate': 'Bearer realm="weconnect"' } }))
export const SsoRequired = defineProblem('WC_SSO_REQUIRED', 403, 'Single sign-on is required',
  () => 'The members of this organization sign in by its identity provider. GET /v1/auth/sso?organization=<slug> lists it; owners come in by password, too.')
export const SsoSession = defineProblem('WC_SSO_SESSION', 403, 'Not with this session',
  () => 'This belongs to the person, and the session was begun by the identity provider of an organization, which can vouch for that organization only. Log in with the password.')
export const Forbidden = defineProblem('WC_FORBIDDEN', 403, 'Not allowed', (why: string) => why)
export const PermissionMissing = defineProblem('WC_PERMISSION_MISSING', 403, 'Not allowed',
  (permission: Permission) => ({ detail: `This needs the permission ${permission}, which your role or the scopes of your API key do not hold. Ask an administrator of the organization.`, extensions: { permission } }))
export const NotFound = defineProblem('WC_NOT_FOUND', 404, 'Not found', (what: string) => `There is no ${what} here.`)
export const Conflict = defineProblem('WC_CONFLICT', 409, 'In conflict with the present state', (why: string) => why)
export const PreconditionFailed = defineProblem('WC_PRECONDITION_FAILED', 412, 'Changed in the meantime',
  (etag: string) => ({ detail: 'The resource changed since you read it. Read it again, apply your change, send its new ETag in If-Match.', headers: { etag } }))
export const TooLarge = defineProblem('WC_TOO_LARGE', 413, 'The body is too large', (limit: number) => `The body may have ${limit} bytes at most.`)
export const UnsupportedMediaType = defineProblem('WC_UNSUPPORTED_MEDIA_TYPE', 415, 'Unsupported media type', (why: string) => why)
export const TooManyRequests = defineProblem('WC_TOO_MANY_REQUESTS', 429, 'Too many requests',
  (seconds: number) => ({ detail: `Wait ${seconds} s, then try again.`, headers: { 'retry-after': String(seconds) } }))
export interface UsedQuota {
  readonly quota: 'executionsPerMonth' | 'storedBytes' | 'members'
  readonly limit: number
  readonly used: number
  /** RFC 3339; null: when something is taken away. */
  readonly resetsAt: string | null
}
export const QuotaExceeded = defineProblem('WC_QUOTA_EXCEEDED', 429, 'The quota of the organization is used up',
  ({ seconds, ...used }: UsedQuota & { readonly seconds: number }) => ({
    detail: used.quota === 'storedBytes'
      ? `The files of the organization hold ${used.used} bytes, of ${used.limit} that it may store. Nothing of this request was kept. Delete executions that are no longer needed, or ask the operator for more.`
      : `The organization has started ${used.used} executions in this month, of ${used.limit} that it may. Nothing of this request was kept. Wait until ${String(used.resetsAt)}, or ask the operator for more.`,
    headers: { 'retry-after': String(seconds) },
    extensions: { ...used }
  }))
export const MemberQuotaExceeded = defineProblem('WC_MEMBER_QUOTA_EXCEEDED', 403, 'The organization has no room for more members',
  (limit: number, used: number) => ({
    detail: `The organization has ${used} members, of ${limit} that it may. Remove somebody, or ask the operator for more.`,
    extensions: { quota: 'members', limit, used, resetsAt: null } satisfies UsedQuota
  }))
export const Overloaded = defineProblem('WC_OVERLOADED', 503, 'Overloaded',
  (seconds: number) => ({ detail: `More work arrives than can be taken. Nothing of this request was kept; send it again in ${seconds} s.`, headers: { 'retry-after': String(seconds) } }))
export const BatchCut = defineProblem('WC_OVERLOADED', 503, 'Overloaded',
  () => ({ detail: 'More work arrives than can be taken. This line and all behind it were not kept; send them again in a moment.', headers: { 'retry-after': '1' } }))
export const BatchTooLong = defineProblem('WC_BATCH_TOO_LONG', 413, 'The batch has too many lines',
  (lines: number) => `A batch may have ${lines} lines. This line and all behind it were not kept; send them in another batch.`)
export const Unavailable = defineProblem('WC_UNAVAILABLE', 503, 'A dependency is away',
  (what: string, cause?: unknown) => ({ detail: `The ${what} does not answer. Whether this request was kept is not known in that case; send it again, with an Idempotency-Key where twice would do harm.`, headers: { 'retry-after': '2' }, cause }))
export const StorageUnavailable = defineProblem('WC_STORAGE_UNAVAILABLE', 503, 'The file storage is away',
  (cause?: unknown) => ({ detail: 'The file storage does not answer. Nothing of this request was kept; send it again in a moment.', headers: { 'retry-after': '2' }, cause }))
export const Internal = defineProblem('WC_INTERNAL', 500, 'Something went wrong here',
  () => 'The fault is on our side and has been logged with the id in `instance`.')
export const WorkflowBusy = defineProblem('WC_WORKFLOW_BUSY', 409, 'Executions are unfinished',
  () => 'Executions of this workflow are not finished and need it. Unpublish it, let them end or cancel them, then delete it.')
export const NothingToRollBackTo = defineProblem('WC_NOTHING_TO_ROLL_BACK_TO', 409, 'No earlier publication',
  () => 'No version older than the published one was ever published. Name the version to publish.')
export const IdempotencyKeyReused = defineProblem('WC_IDEMPOTENCY_KEY_REUSED', 422, 'The idempotency key was used for another request',
  () => 'This Idempotency-Key came with another method, path or body before. Use a new key for a new request.')
export const IdempotencyKeyInFlight = defineProblem('WC_IDEMPOTENCY_KEY_IN_FLIGHT', 409, 'The same request is running',
  (seconds: number) => ({ detail: `A request with this Idempotency-Key has not finished. Send it again in ${seconds} s for its answer.`, headers: { 'retry-after': String(seconds) } }))
export const MethodNotAllowed = defineProblem('WC_METHOD_NOT_ALLOWED', 405, 'Method not allowed',
  (allow: string) => ({ detail: `This path understands ${allow}.`, headers: { allow } }))
export const RangeNotSatisfiable = defineProblem('WC_RANGE_NOT_SATISFIABLE', 416, 'No such part',
  (size: number) => ({ detail: `The file has ${size} bytes, and none of them is in the range.`, headers: { 'content-range': `bytes */${size}` } }))
export const RequestTimeout = defineProblem('WC_REQUEST_TIMEOUT', 408, 'The request came too slowly', () => 'The request did not arrive in time. Send it again.')
export const HeadersTooLarge = defineProblem('WC_HEADERS_TOO_LARGE', 431, 'The headers are too large', () => 'The headers of a request may have 16 KiB together.')
export const CredentialInUse = defineProblem('WC_CREDENTIAL_IN_USE', 409, 'The credential is in use',
  (workflows: readonly { readonly id: string, readonly name: string }[]) =>
    `Published workflows use it: ${workflows.map(({ id, name }) => `${JSON.stringify(name)} (${id})`).join(', ')}. Publish versions of them without it, or unpublish them, then delete it.`)
export const RoleInUse = defineProblem('WC_ROLE_IN_USE', 409, 'The role is in use',
  (holders: readonly string[], more: boolean) => `It is the role of ${holders.join(', ')}${more ? ' and others' : ''}. Give members another role, take the invitations back, then delete it.`)
export const NodePackageInUse = defineProblem('WC_NODE_PACKAGE_IN_USE', 409, 'The node package is in use',
  (workflows: readonly { readonly id: string, readonly name: string }[]) =>
    `Published workflows use node types of it: ${workflows.map(({ id, name }) => `${JSON.stringify(name)} (${id})`).join(', ')}. Publish versions of them without those, or unpublish them, then disable it.`)
export const CredentialUnreadable = defineProblem('WC_CREDENTIAL_UNREADABLE', 409, 'The credential cannot be opened',
  (why: string) => `${why}. Restore the key (WECONNECT_ENCRYPTION_KEY), or store a new credential.`)
export const SecretStoreNone = defineProblem('WC_SECRET_STORE_NONE', 422, 'There is no secret store',
  () => 'This installation is not connected to a secret store. Its operator can do that (WECONNECT_SECRETS_VAULT_ADDRESS); else put the values into `data`.')
export const SecretUnusable = defineProblem('WC_SECRET_UNUSABLE', 409, 'A secret cannot be had from the secret store',
  (why: string) => `${why}.`)
export const ExecutionTerminal = defineProblem('WC_EXECUTION_TERMINAL', 409, 'The execution is over',
  () => 'It has ended already, and an ended execution does not change any more.')
export const AnswerUsed = defineProblem('WC_ANSWER_USED', 409, 'It has been answered',
  () => 'This was answered before, or its time is over. The first answer counts, and there is only one.')
export const NotWaiting = defineProblem('WC_NOT_WAITING', 409, 'Nothing waits here',
  () => 'The node does not wait for a decision now: it has not been reached, or has gone on.')
export const ExecutionUnfinished = defineProblem('WC_EXECUTION_UNFINISHED', 409, 'The execution is not finished',
  (what: 'deleted' | 'retried') => `Only a finished execution can be ${what}. Cancel it first.`)
export const TooLargeToShow = defineProblem('WC_TOO_LARGE_TO_SHOW', 409, 'The execution is too large to show',
  () => 'It holds more than can be brought into memory at once. Its events are there page by page, without their items.')
export const ExecutionFailed = defineProblem('WC_EXECUTION_FAILED', 422, 'The workflow did not succeed with this request',
  (executionId: string, status: string, why: string) => ({ detail: `The execution ${executionId} ${status}${why === '' ? '' : `: ${why}`}`, headers: { 'x-execution-id': executionId } }))

import { canonicalText } from '../../lib/canonical-text.ts'
import type { Credential } from '../credentials/index.ts'
import { MASKED } from '../credentials/mask.ts'
import type { CredentialReference } from '../credentials/references.ts'
import type { ExpressionItem, ExpressionScope, PageScope } from '../expression/index.ts'
import type { JsonObject } from '../item.ts'
import type { TriggeredWorkflow } from '../limits.ts'
import { NodeError } from '../node-error.ts'
import { authorizedFetch } from '../nodes/http-authorization.ts'
import { answerOf, pagesOf, type RequestContext, type Session } from '../nodes/http-exchange.ts'
import { itemOf } from '../nodes/http-pagination.ts'
import type { HttpRequestParameters } from '../nodes/http-request-parameters.ts'
import type { HttpAnswerItem } from '../nodes/http-response.ts'
import type { Fetch } from '../nodes/node-type.ts'
import { parsePath, readPath } from '../nodes/paths.ts'
import { mapInSlices } from '../nodes/slices.ts'
import type { CompiledPoll } from './compile.ts'

/** What a poll may do and know beside its parameters. */
export interface PollPowers {
  readonly signal: AbortSignal
  readonly fetch: Fetch
  /** The node's own, or one of these types that a parameter names. */
  readonly credential: (reference?: Pick<CredentialReference, 'id' | 'types'>) => Promise<Credential | undefined>
  /** Takes the secrets of all that was opened until now out of a value. */
  readonly mask: () => <T>(value: T) => T
  /** milliseconds since the epoch */
  readonly now: () => number
}

export interface PollFacts {
  readonly workflow: TriggeredWorkflow
  readonly nodeId: string
  readonly vars: Readonly<Record<string, unknown>>
  /** Where the polls before have come to; undefined before the first. */
  readonly cursor: unknown
  /** Differs from poll to poll: a far side that knows it again would answer what it has answered before. */
  readonly idempotencyKey: string
}

/** What an answer holds, whether new or not, without the secrets that it was asked for with. */
export interface Findings {
  readonly items: readonly JsonObject[]
  /** Of each item, as text; null: equal to no other. */
  readonly keys: readonly (string | null)[]
  /** Undefined: it stays where it is. */
  readonly cursor: unknown
}

/** Items of one poll, of all of its pages. */
export const MAX_ITEMS = 10_000

/** Asks once. Throws NodeError and FetchError, or rejects with the signal's reason. */
export async function findItems (compiled: CompiledPoll, facts: PollFacts, powers: PollPowers): Promise<Findings> {
  const startedAt = powers.now()
  const scope = (json: JsonObject, all: readonly ExpressionItem[], page?: PageScope): ExpressionScope => scopeOf(facts, startedAt, cursor, json, all, page)
  let cursor: unknown = facts.cursor ?? null
  cursor = facts.cursor ?? compiled.initialCursor(scope({}, [])) ?? null

  const parameters = (page?: PageScope): HttpRequestParameters => compiled.request.evaluate(scope({}, [], page)) as HttpRequestParameters
  const { items: found, last, pages } = await ask(compiled, facts, powers, parameters)
  // Before anything is made of them: once an expression has turned a secret round, nobody finds it any more.
  const mask = powers.mask()
  const items = await mapInSlices(found, powers.signal, item => mask(item))
  const all = items.map(json => ({ json }))
  const keys = await mapInSlices(items, powers.signal, (item, index) => {
    const key = compiled.keyOf(item, () => ({ ...scope(item, all), itemIndex: index }))
    return key === undefined || key === null || key === '' ? null : canonicalText(key)
  })
  const reached = compiled.cursor(scope(items.at(-1) ?? {}, all, { response: mask(last), count: pages }))
  // A cursor with a hole in it would ask for something else, and nobody would see why.
  if (reached !== undefined && JSON.stringify(reached).includes(MASKED)) throw new NodeError('WC_POLL_CURSOR', 'The cursor holds a secret of the credential, and is kept where secrets must not be', { pointer: '/cursor' })
  return { items, keys, cursor: reached }
}

async function ask ({ written }: CompiledPoll, { idempotencyKey }: PollFacts, powers: PollPowers, parameters: (page?: PageScope) => HttpRequestParameters): Promise<{ items: readonly JsonObject[], last: HttpAnswerItem, pages: number }> {
  const { now, signal } = powers
  const context: RequestContext = { now, idempotencyKey: () => idempotencyKey, parameters: (_index, page) => parameters(page) }
  const { clientCertificateId } = written
  const session: Session = {
    context,
    fetch: authorizedFetch(powers.fetch, await powers.credential()),
    clientCertificate: clientCertificateId === undefined ? undefined : await powers.credential({ id: clientCertificateId, types: ['clientCertificate'] })
  }
  const first = parameters()
  const items: JsonObject[] = []
  const take = (answer: HttpAnswerItem): void => {
    for (const entry of entriesOf(answer, written.items)) items.push(itemOf(entry))
    if (items.length > MAX_ITEMS) throw new NodeError('WC_POLL_SIZE', `The answer has more than ${MAX_ITEMS} items: ask for fewer, or for fewer pages`, { pointer: '/items' })
  }
  if (first.pagination === undefined) {
    const answer = await answerOf(session, 0, first, signal)
    take(answer)
    return { items, last: answer, pages: 1 }
  }
  let last: HttpAnswerItem | undefined
  let pages = 0
  for await (const { answer } of pagesOf(session, 0, first, signal)) {
    take(answer)
    last = answer
    pages++
  }
  return { items, last: last!, pages }
}

/** Nothing where a list would be is an empty one; anything else is not what the node was made for. */
function entriesOf ({ body }: HttpAnswerItem, path: string | undefined): readonly unknown[] {
  const found = path === undefined ? body : readPath(body, parsePath(path))
  if (Array.isArray(found)) return found
  if (found === undefined || found === null || found === '') return []
  if (path === undefined) return [found]
  throw new NodeError('WC_POLL_ITEMS', `What the answer has at ${path} is no list`, { pointer: '/items' })
}

function scopeOf ({ workflow: { workflowId: id, name, version, timeZone }, nodeId, vars }: PollFacts, now: number, cursor: unknown, json: JsonObject, all: readonly ExpressionItem[], page: PageScope | undefined): ExpressionScope {
  const item = { json }
  return {
    json,
    item,
    itemIndex: 0,
    runIndex: 0,
    input: () => ({ all: () => all, first: () => all[0], last: () => all.at(-1), item }),
    node: () => undefined,
    vars,
    workflow: { id, name, version, active: true },
    execution: { id: '', mode: 'poll' },
    now: () => now,
    timeZone,
    nodeId,
    page,
    cursor
  }
}

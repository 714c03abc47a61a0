import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { JsonObject } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, dictionary, duration } from '../../schemas.ts'
import { isPlainObject } from '../../validation/json-schema.ts'
import { authorizedFetch, REQUEST_CREDENTIALS } from '../http-authorization.ts'
import type { AuthorizedFetch } from '../http-authorization.ts'
import { buildRequest } from '../http-request-build.ts'
import { attachmentsOf } from '../http-request-files.ts'
import { itemByItem } from '../item-by-item.ts'
import { DEFAULT_TIMEOUT } from '../http-request-parameters.ts'
import { excerptOf, readResponse, retryOf } from '../http-response.ts'
import type { HttpAnswerItem } from '../http-response.ts'
import { defineNode } from '../node-type.ts'
import type { NodeContext } from '../node-type.ts'

/** Requests of one step that are under way together. */
const CONCURRENCY = 10
const MAX_MESSAGES = 3

const GraphqlParameters = Type.Object({
  url: Type.String({ title: 'URL', description: 'Of the GraphQL endpoint.', minLength: 1, examples: ['https://api.example.com/graphql'] }),
  query: Type.String({ title: 'Query', description: 'A query or mutation. Values belong into variables, not into this text.', minLength: 1 }),
  variables: Type.Optional(dictionary(anyValue(), { title: 'Variables', description: 'Values for the variables of the query, by name.' })),
  operationName: Type.Optional(Type.String({ title: 'Operation', description: 'Which one, where the query holds several.' })),
  headers: Type.Optional(dictionary(anyValue(), { title: 'Headers', description: 'Headers of the request by name.' })),
  failOnErrors: Type.Optional(Type.Boolean({ title: 'Fail on errors', description: 'Whether errors in the answer are an error of the step; else the item is { data, errors }.', default: true })),
  timeout: Type.Optional(duration({ title: 'Timeout', description: 'For the whole exchange.', default: DEFAULT_TIMEOUT }))
}, { additionalProperties: false })
type GraphqlParameters = Static<typeof GraphqlParameters>

export const graphql = defineNode({
  type: 'graphql',
  title: 'GraphQL',
  description: 'Sends a GraphQL query or mutation an item and emits its data.',
  icon: 'waypoints',
  category: 'outside',
  effects: 'idempotent',
  parameters: GraphqlParameters,
  credentials: REQUEST_CREDENTIALS,
  async run (context) {
    const fetch = authorizedFetch(context.fetch, await context.credential())
    return await itemByItem(context, CONCURRENCY, async (index, signal) => [{ from: index, json: await ask(context, fetch, index, signal) }])
  }
})

async function ask (context: NodeContext<GraphqlParameters>, fetch: AuthorizedFetch, index: number, signal: AbortSignal): Promise<JsonObject> {
  const { url, query, variables, operationName, headers, failOnErrors = true, timeout } = context.parameters(index)
  if (typeof query !== 'string' || query === '') throw new NodeError('WC_PARAMETER', 'The query must be text', { pointer: '/query' })
  const http = {
    method: 'POST' as const,
    url,
    headers: { accept: 'application/graphql-response+json, application/json', ...headers },
    // An empty name names an operation, which no query has.
    body: { query, variables, operationName: operationName === '' ? undefined : operationName },
    failOnStatus: false,
    ...(timeout !== undefined && { timeout })
  }
  const request = buildRequest(http, context.idempotencyKey(index), signal, attachmentsOf(context, index))
  const response = await fetch(request, { now: context.now() })
  const answer = readResponse(response, http, 'POST', context.now())
  if (!isGraphql(answer.body)) {
    // Refused before anybody looked at the query: a gateway, a login.
    readResponse(response, { ...http, failOnStatus: true }, 'POST', context.now())
    throw new NodeError('WC_GRAPHQL_RESPONSE', 'The answer has neither data nor errors, as answers of GraphQL do', { data: excerptOf(response) })
  }
  const { data = null } = answer.body
  const errors = Array.isArray(answer.body.errors) ? answer.body.errors as readonly unknown[] : []
  // The same form in either case: what comes after reads it without having to find out.
  if (!failOnErrors) return { data, errors: [...errors] }
  if (errors.length > 0) throw failure(answer, data, errors, context.now())
  return isPlainObject(data) ? data : { data }
}

function isGraphql (body: unknown): body is { data?: unknown, errors?: unknown } {
  return isPlainObject(body) && ('data' in body || Array.isArray(body['errors']))
}

function failure (answer: HttpAnswerItem, data: unknown, errors: readonly unknown[], now: number): NodeError {
  const messages = errors.slice(0, MAX_MESSAGES).map(error => isPlainObject(error) && typeof error['message'] === 'string' ? error['message'] : 'an error without a message')
  return new NodeError('WC_GRAPHQL_ERRORS', `The answer holds ${errors.length === 1 ? 'an error' : `${errors.length} errors`}: ${messages.join('; ')}`.slice(0, 1000), {
    ...retryOf(answer, now), data: { data, errors: errors.slice(0, 20) }
  })
}

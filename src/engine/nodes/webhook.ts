import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { parseDuration } from '../../lib/duration.ts'
import { duration, oneOf, STATIC } from '../schemas.ts'
import { defineNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'
import { routePathProblem } from './route-path.ts'
import { addressIssues, MAX_NETWORKS } from './webhook-addresses.ts'
import { Cors, corsIssues } from './webhook-cors.ts'
import { Deduplicate, deduplicateIssues } from './webhook-deduplicate.ts'
import { Handshake } from './webhook-handshake.ts'
import { RateLimit, rateLimitIssues } from './webhook-rate-limit.ts'
import { RequestSchema, schemaIssues } from './webhook-schema.ts'
import { VerifyParameters, verifyIssues } from './webhook-verify.ts'

export const webhookMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const

const MAX_RESPONSE_TIMEOUT = '5m'

const WebhookParameters = Type.Object({
  method: Type.Optional(Type.Union([
    oneOf(webhookMethods),
    Type.Array(oneOf(webhookMethods), { minItems: 1, uniqueItems: true })
  ], { title: 'Method', description: 'One HTTP method or a list of them.', default: 'POST', ...STATIC })),
  path: Type.String({
    title: 'Path',
    description: 'Under /hooks/<organization>/. A segment such as :id takes any value, found in params.id.',
    minLength: 1,
    maxLength: 512,
    examples: ['orders', 'orders/:id'],
    ...STATIC
  }),
  response: Type.Optional(oneOf(['immediate', 'lastStep', 'respondNode'], {
    title: 'Response',
    description: 'immediate: 202 once the event is stored; lastStep: the items of the last step; respondNode: what a respond node says.',
    default: 'immediate',
    ...STATIC
  })),
  responseTimeout: Type.Optional(duration({
    title: 'Response timeout', description: `How long the caller waits before it gets 202 after all, up to ${MAX_RESPONSE_TIMEOUT}.`, default: '30s', ...STATIC
  })),
  maxBodySize: Type.Optional(Type.Integer({
    title: 'Largest body', description: 'In bytes; larger requests get 413. The limit of the server holds as well.', minimum: 0, ...STATIC
  })),
  maxFiles: Type.Optional(Type.Integer({ title: 'Most files', description: 'In a multipart body; more get 422.', minimum: 0, maximum: 100, default: 20, ...STATIC })),
  verify: Type.Optional(VerifyParameters),
  allowIps: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
    title: 'Allowed addresses', description: 'Networks that requests may come from; others get 403.', minItems: 1, maxItems: MAX_NETWORKS, examples: [['192.0.2.0/24', '2001:db8::/32']], ...STATIC
  })),
  schema: Type.Optional(RequestSchema),
  deduplicate: Type.Optional(Deduplicate),
  handshake: Type.Optional(Handshake),
  cors: Type.Optional(Cors),
  rateLimit: Type.Optional(RateLimit)
}, { additionalProperties: false })

export const webhook = defineNode({
  type: 'webhook',
  title: 'Webhook',
  description: 'Starts when an HTTP request arrives; emits { method, path, params, query, headers, body }.',
  icon: 'webhook',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: WebhookParameters,
  check: parameters => {
    const { path, responseTimeout, verify, allowIps, schema, deduplicate, cors, rateLimit } = parameters as Static<typeof WebhookParameters>
    return [
      ...pathIssues(path), ...timeoutIssues(responseTimeout), ...verifyIssues(verify), ...addressIssues(allowIps), ...schemaIssues(schema), ...deduplicateIssues(deduplicate),
      ...corsIssues(cors), ...rateLimitIssues(rateLimit)
    ]
  },
  run: ({ items }) => ({ outputs: { main: items.map((_item, index) => ({ from: index })) } })
})

function pathIssues (path: unknown): readonly ParameterIssue[] {
  const message = routePathProblem(String(path))
  return message === null ? [] : [{ pointer: '/path', message, code: 'WC_WEBHOOK_PATH' }]
}

function timeoutIssues (timeout: unknown): readonly ParameterIssue[] {
  if (typeof timeout !== 'string' || parseDuration(timeout) <= parseDuration(MAX_RESPONSE_TIMEOUT)) return []
  return [{ pointer: '/responseTimeout', message: `at most ${MAX_RESPONSE_TIMEOUT}`, code: 'WC_DURATION' }]
}

import type { RequestSchema } from '../../engine/nodes/webhook-schema.ts'
import type { VerifyParameters } from '../../engine/nodes/webhook-verify.ts'
import { parseWebhookPath } from '../../engine/webhook-path.ts'
import { bodyMediaType, SchemaComponents, type JsonSchema } from './schema-components.ts'
import { securityOf } from './describe-proof.ts'

/** A published endpoint, with what its node and the respond nodes of its workflow say. */
export interface DescribedWebhook {
  readonly workflowName: string
  readonly method: string
  readonly path: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** Parameters of the respond nodes of its workflow. */
  readonly responds: ReadonlyArray<Readonly<Record<string, unknown>>>
}

export interface DescribedOrganization {
  readonly name: string
  readonly slug: string
}

/** OpenAPI has no operation for other methods of ours, and none of these has a body. */
const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])
/** OpenAPI 3.1, section 4.8.12.1: headers that are said by other means. */
const SAID_ELSEWHERE = new Set(['accept', 'content-type', 'authorization'])

/** The OpenAPI document of what an organization has published at /hooks. */
export function describeWebhooks (address: string, { name, slug }: DescribedOrganization, webhooks: readonly DescribedWebhook[]): object {
  const components = new SchemaComponents()
  const securitySchemes: Record<string, object> = {}
  const paths: Record<string, Record<string, object>> = {}
  const ids = new Set<string>()
  for (const webhook of webhooks) {
    const path = `/hooks/${slug}/${parseWebhookPath(webhook.path).map(segment => segment.kind === 'text' ? segment.text : `{${segment.name}}`).join('/')}`
    const id = operationId(webhook, ids)
    const operations = paths[path] ??= {}
    operations[webhook.method.toLowerCase()] = operationOf(webhook, id, components, securitySchemes)
  }
  return {
    openapi: '3.1.0',
    info: { title: `Webhooks of ${name}`, version: '1', description: 'What is published now. Answers 202 are sent after the request is committed.' },
    servers: [{ url: address }],
    paths,
    components: { schemas: { ...FIXED_SCHEMAS, ...components.schemas }, securitySchemes }
  }
}

function operationOf ({ workflowName, method, path, parameters, responds }: DescribedWebhook, id: string, components: SchemaComponents, securitySchemes: Record<string, object>): object {
  const schema = (parameters['schema'] ?? {}) as RequestSchema
  const security = securityOf(parameters['verify'] as VerifyParameters | undefined)
  if (security !== undefined) securitySchemes[security.name] = security.scheme
  const name = id[0]!.toUpperCase() + id.slice(1)
  return {
    operationId: id,
    summary: workflowName,
    security: security === undefined ? [] : [{ [security.name]: [] }],
    parameters: [...pathParameters(path), ...fieldParameters('query', schema.query, `${name}Query`, components), ...fieldParameters('header', schema.headers, `${name}Headers`, components)],
    ...(BODILESS.has(method) ? {} : { requestBody: bodyOf(schema.body, `${name}Body`, components) }),
    responses: { ...responsesOf(parameters['response'], responds), ...PROBLEMS }
  }
}

function bodyOf (schema: JsonSchema | undefined, name: string, components: SchemaComponents): object {
  if (schema === undefined) return { content: { 'application/json': { schema: {} } } }
  return { required: true, content: { [bodyMediaType(schema)]: { schema: components.add(name, schema) } } }
}

function pathParameters (path: string): object[] {
  return parseWebhookPath(path).flatMap(segment => segment.kind === 'parameter' ? [{ name: segment.name, in: 'path', required: true, schema: { type: 'string' } }] : [])
}

function fieldParameters (place: 'query' | 'header', schema: JsonSchema | undefined, name: string, components: SchemaComponents): object[] {
  if (schema === undefined) return []
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  for (const field of required) if (!properties.some(([known]) => known === field)) properties.push([String(field), { type: 'string' }])
  return properties
    .filter(([field]) => place === 'query' || !SAID_ELSEWHERE.has(field.toLowerCase()))
    .map(([field, of]) => ({ name: field, in: place, required: required.has(field), schema: components.part(name, schema, of) }))
}

function responsesOf (mode: unknown, responds: DescribedWebhook['responds']): Record<string, object> {
  const accepted = { 202: ACCEPTED }
  if (mode === 'lastStep') return { ...accepted, 200: { description: 'The items of the last step', content: { 'application/json': { schema: { $ref: '#/components/schemas/Items' } } } } }
  if (mode !== 'respondNode') return accepted
  const statuses = responds.map(({ status }) => typeof status === 'number' ? String(status) : status === undefined ? '200' : 'default')
  return { ...accepted, ...Object.fromEntries(statuses.filter(status => status !== '202').map(status => [status, { description: 'What the workflow answers', content: { '*/*': { schema: {} } } }])) }
}

function operationId ({ method, path }: DescribedWebhook, taken: Set<string>): string {
  const words = parseWebhookPath(path).flatMap(segment => segment.kind === 'text' ? segment.text.split(/[^A-Za-z0-9]+/) : ['by', segment.name]).filter(word => word !== '')
  const base = method.toLowerCase() + words.map(word => word[0]!.toUpperCase() + word.slice(1)).join('')
  let id = base
  for (let n = 2; taken.has(id); n++) id = `${base}${n}`
  taken.add(id)
  return id
}

const FIXED_SCHEMAS = {
  Accepted: { type: 'object', required: ['executionId'], properties: { executionId: { type: 'string', format: 'uuid' } } },
  Items: { type: 'array', items: { type: 'object', required: ['json'], properties: { json: { type: 'object' }, binary: { type: 'object' } } } },
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code', 'instance'],
    properties: {
      type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' }, code: { type: 'string' }, instance: { type: 'string' },
      errors: { type: 'array', items: { type: 'object', required: ['pointer', 'message', 'code'], properties: { pointer: { type: 'string' }, message: { type: 'string' }, code: { type: 'string' } } } }
    }
  }
}
const ACCEPTED = {
  description: 'Accepted and committed',
  headers: { 'X-Execution-Id': { schema: { type: 'string', format: 'uuid' } } },
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Accepted' } } }
}
const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } })
const PROBLEMS = {
  400: problem('It cannot be read'), 401: problem('It proves nothing, or not enough'), 413: problem('It is too large'), 415: problem('Its type is not understood'),
  422: problem('It does not fit the schema'), 429: problem('There are too many'), 503: problem('Not for now: send it again')
}

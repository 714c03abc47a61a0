import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifySchema } from 'fastify'
import fp from 'fastify-plugin'
import { PUBLIC, type RouteAccess } from '../schemas/access.ts'
import { asyncApiDocument } from '../schemas/asyncapi.ts'
import { hoistComponents, markComponents } from '../schemas/components.ts'
import { problemResponses } from '../schemas/problem.ts'

export interface OpenApiOptions {
  readonly publicUrl: string | null
}

const TAGS = [
  { name: 'Auth', description: 'Accounts, sessions and tokens' },
  { name: 'Organizations', description: 'What owns workflows and everything else' },
  { name: 'API keys', description: 'Credentials of programs; each belongs to one organization' },
  { name: 'Audit', description: 'What was changed, by whom' },
  { name: 'Node types', description: 'What workflows are made of' },
  { name: 'Credentials', description: 'Secrets that workflows use and nobody can read' },
  { name: 'Workflows', description: 'Definitions, their versions, and which of them runs' },
  { name: 'Variables', description: 'Values that workflows read as `$vars`' },
  { name: 'Executions', description: 'Runs of workflows, their steps and events' },
  { name: 'Schedules', description: 'What starts workflows by the clock' },
  { name: 'Polls', description: 'What asks others by the clock, and starts workflows with what is new' },
  { name: 'Events', description: 'What starts workflows by its name, and what its payload must be' },
  { name: 'Event subscriptions', description: 'Where events of executions and workflows are sent, signed' },
  { name: 'Deliveries', description: 'What came in at webhooks, what was refused, and replays' },
  { name: 'Bulk operations', description: 'What is done with many executions, and how far it is' },
  { name: 'Ingestion', description: 'What starts workflows from outside' },
  { name: 'Operations', description: 'For those who run the service' }
]

const DESCRIPTION = `Workflow automation that never loses accepted work.

Errors are \`application/problem+json\` (RFC 9457): decide by \`code\`. Lists take \`limit\` and \`cursor\`. A session that
belongs to several organizations names one in \`X-Organization-Id\`. The WebSocket is described by \`/asyncapi.json\`.`

/** The description of all routes that are registered after it, from their schemas; `openApiRoutes` serve it. */
export const openapi = fp<OpenApiOptions>(async function openapiPlugin (app, { publicUrl }) {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'WeConnect', version: '1', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: publicUrl ?? '/' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token of a session' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: '`wc_…`, made by POST /v1/api-keys' }
        }
      }
    },
    transform: ({ schema, url, route }) => ({ schema: markComponents(withNamedRest(withBodyProblems(withPermission(schema, route.config?.access)))), url: url.replace(/(?<=.)\/$/, '').replace(/\*$/, ':path') }),
    // Marked schemas become components.
    transformObject: source => {
      if (!('openapiObject' in source)) return source.swaggerObject
      const { document, schemas } = hoistComponents(source.openapiObject)
      const hoisted = document as { components?: object }
      return { ...hoisted, components: { ...hoisted.components, schemas } } as typeof source.openapiObject
    }
  })
}, { name: 'openapi', fastify: '5.x' })

/** What reading a body can end in, whatever the route does with it. */
function withBodyProblems (schema: FastifySchema): FastifySchema {
  if (schema?.body === undefined) return schema
  return { ...schema, response: { ...problemResponses(400, 413, 415, 422), ...(schema.response as object | undefined) } }
}

/** What a route needs is said by its access, for readers and for programs. */
function withPermission (schema: FastifySchema, access: RouteAccess | undefined): FastifySchema {
  if (schema === undefined || access === undefined || !('permission' in access)) return schema
  return { ...schema, 'x-permission': access.permission, ...('grantedBy' in access ? { 'x-granted-by': access.grantedBy } : {}), response: { ...problemResponses(403), ...(schema.response as object | undefined) } } as FastifySchema
}

/** OpenAPI has no wildcard: the rest of a path is a parameter like others, called `path`. */
function withNamedRest (schema: FastifySchema): FastifySchema {
  const params = schema?.params as { properties?: Record<string, unknown>, required?: string[] } | undefined
  if (params?.properties?.['*'] === undefined) return schema
  const { '*': rest, ...properties } = params.properties
  return { ...schema, params: { ...params, properties: { ...properties, path: rest }, required: params.required?.map(name => name === '*' ? 'path' : name) } }
}

/** The documents, and the reference page, from our own process: nothing is fetched from elsewhere. */
export const openApiRoutes = fp<OpenApiOptions>(async function openApiRoutesPlugin (app, { publicUrl }) {
  const hidden = { config: { access: PUBLIC, quiet: true }, schema: { hide: true } }
  app.get('/openapi.json', hidden, async () => app.swagger())
  const asyncApi = asyncApiDocument(publicUrl)
  app.get('/asyncapi.json', hidden, async () => asyncApi)
  await app.register(async function referencePage (scope) {
    scope.decorate('accessOfStrangers', PUBLIC)
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      uiConfig: { deepLinking: true, docExpansion: 'none', validatorUrl: null, persistAuthorization: false }
    })
  })
}, { name: 'openapi-routes', fastify: '5.x', dependencies: ['openapi'] })

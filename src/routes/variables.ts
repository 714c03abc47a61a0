import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { Variable } from '../schemas/workflow.ts'
import type { Variables } from '../services/workflows/variables.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const Name = Type.String({
  // `__proto__` would be a trap for whoever reads $vars as a plain object.
  pattern: '^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,63}$', examples: ['taxRate']
})
const Value = Type.Object({ value: Type.Unknown({ description: 'Any JSON value, up to 32 KB' }) }, { additionalProperties: false, examples: [{ value: 0.19 }] })

interface Options {
  readonly variables: Variables
  /** Whether the path names a workflow (`/workflows/:id/variables`), or the variables are the organization's. */
  readonly of: 'organization' | 'workflow'
}

/** Registered once for the organization's variables and once below workflows: they differ in the owner only. */
export const variableRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { variables, of }) => {
  app.setSerializerCompiler(asIs)
  const suffix = of === 'workflow' ? 'WorkflowVariable' : 'Variable'
  const whose = of === 'workflow' ? 'a workflow' : 'the organization'
  const owner = of === 'workflow' ? { id: Id } : {}
  const grantedBy = of === 'workflow' ? 'workflow' as const : undefined
  const OwnerParams = Type.Object({ ...owner }, { additionalProperties: false })
  const VariableParams = Type.Object({ ...owner, name: Name }, { additionalProperties: false })
  const common = { tags: ['Variables'], security: ORGANIZATION_SECURITY }
  const ownerOf = (params: object): { workflowId: string | null } => ({ workflowId: 'id' in params ? String(params.id) : null })

  app.get('/', {
    config: { access: needs('variable:read', grantedBy) },
    schema: {
      ...common,
      operationId: `list${suffix}s`,
      summary: `List the variables of ${whose}`,
      params: OwnerParams,
      querystring: Page,
      response: { 200: listOf(Variable), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await variables.list(callerOf(request), ownerOf(request.params), limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, ({ id, ...variable }) => variable)
  })

  app.get('/:name', {
    config: { access: needs('variable:read', grantedBy) },
    schema: {
      ...common,
      operationId: `get${suffix}`,
      summary: `Read a variable of ${whose}`,
      params: VariableParams,
      response: { 200: Variable, ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { id, ...variable } = await variables.get(callerOf(request), ownerOf(request.params), request.params.name)
    return variable
  })

  app.put('/:name', {
    config: { access: needs('variable:edit', grantedBy) },
    schema: {
      ...common,
      operationId: `put${suffix}`,
      summary: `Set a variable of ${whose}`,
      description: 'Executions read `$vars` when they start; those of the workflow win over those of the organization.',
      params: VariableParams,
      body: Value,
      response: { 200: Variable, 201: Variable, ...problemResponses(400, 401, 404, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { variable: { id, ...variable }, created } = await variables.put(callerOf(request), ownerOf(request.params), request.params.name, request.body.value)
    return await reply.code(created ? 201 : 200).send(variable)
  })

  app.delete('/:name', {
    config: { access: needs('variable:edit', grantedBy) },
    schema: {
      ...common,
      operationId: `delete${suffix}`,
      summary: `Delete a variable of ${whose}`,
      params: VariableParams,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(400, 401, 404, 422) }
    }
  }, async (request, reply) => {
    await variables.delete(callerOf(request), ownerOf(request.params), request.params.name)
    return await reply.code(204).send(null)
  })
}

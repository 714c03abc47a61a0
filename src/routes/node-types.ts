import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { NodeRegistry } from '../engine/nodes/registry.ts'
import type { NodeType as EngineNodeType } from '../engine/nodes/node-type.ts'
import { needs } from '../schemas/access.ts'
import { ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { listOf } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { NodeType } from '../schemas/workflow.ts'
import type { NodePackages } from '../services/node-packages.ts'
import { NotFound } from '../services/problems.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const common = { tags: ['Node types'], security: ORGANIZATION_SECURITY }

export const nodeTypeRoutes: FastifyPluginAsyncTypebox<{ registry: Pick<NodeRegistry, 'get' | 'list'>, packages: Pick<NodePackages, 'enabled'> }> = async (app, { registry, packages }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('workflow:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listNodeTypes',
      summary: 'List the node types that workflows may use',
      description: 'All of them, on one page: those of WeConnect, and those of the packages that the organization has enabled.',
      response: { 200: listOf(NodeType), ...problemResponses(400, 401, 404) }
    }
  }, async request => {
    const enabled = await packages.enabled(callerOf(request).db)
    return { data: registry.list().filter(type => isUsable(type, enabled)).map(viewOf), nextCursor: null }
  })

  app.get('/:type', {
    config: { access: needs('workflow:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'getNodeType',
      summary: 'Read a node type with the JSON Schema of its parameters',
      params: Type.Object({ type: Type.String({ minLength: 1, maxLength: 128, examples: ['httpRequest'] }) }, { additionalProperties: false }),
      response: { 200: NodeType, ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const found = registry.get(request.params.type)
    if (found === undefined || !isUsable(found, found.package === undefined ? NONE : await packages.enabled(callerOf(request).db))) throw NotFound('node type of this name')
    return viewOf(found)
  })
}

const NONE: ReadonlySet<string> = new Set()

function isUsable ({ package: origin }: EngineNodeType, enabled: ReadonlySet<string>): boolean {
  return origin === undefined || enabled.has(origin.name)
}

function viewOf ({ type, title, description, icon, category, effects, trigger, inputs, outputs, credentials = [], credentialRequired = false, package: origin, parameters }: EngineNodeType) {
  return { type, title, description, icon, category, effects, trigger, inputs: [...inputs({})], outputs: [...outputs({})], credentials: [...credentials], credentialRequired, package: origin?.name ?? null, apiVersion: origin?.apiVersion ?? null, parameters }
}

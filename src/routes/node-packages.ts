import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { listOf } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { NodePackage } from '../schemas/workflow.ts'
import type { NodePackages } from '../services/node-packages.ts'
import { callerOf } from './workflow-scope.ts'

const common = { tags: ['Node types'], security: ORGANIZATION_SECURITY }
const params = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 214, description: 'The `/` of a scoped name as `%2F`', examples: ['weconnect-nodes-example'] })
}, { additionalProperties: false })

export const nodePackageRoutes: FastifyPluginAsyncTypebox<{ packages: NodePackages }> = async (app, { packages }) => {
  app.get('/', {
    config: { access: needs('package:read') },
    schema: {
      ...common,
      operationId: 'listNodePackages',
      summary: 'List the packages of node types that the operator allows',
      description: 'All of them, on one page, whether the organization has enabled them or not.',
      response: { 200: listOf(NodePackage), ...problemResponses(400, 401, 404) }
    }
  }, async request => ({ data: await packages.list(callerOf(request).db), nextCursor: null }))

  app.put('/:name', {
    config: { access: needs('package:manage') },
    schema: {
      ...common,
      operationId: 'enableNodePackage',
      summary: 'Enable a package for the organization',
      description: 'Its node types can be used in workflows from then on.',
      params,
      body: Type.Union([Type.Object({}, { additionalProperties: false, examples: [{}] }), Type.Null()]),
      response: { 200: NodePackage, ...problemResponses(400, 401, 404, 413, 415, 422) }
    }
  }, async request => await packages.enable(callerOf(request), request.params.name))

  app.delete('/:name', {
    config: { access: needs('package:manage') },
    schema: {
      ...common,
      operationId: 'disableNodePackage',
      summary: 'Disable a package for the organization',
      description: 'Refused while a published workflow uses a node type of it.',
      params,
      response: { 204: Type.Null({ description: 'Disabled' }), ...problemResponses(400, 401, 404, 409, 422) }
    }
  }, async (request, reply) => {
    await packages.disable(callerOf(request), request.params.name)
    return await reply.code(204).send(null)
  })
}

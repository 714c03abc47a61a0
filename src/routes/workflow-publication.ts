import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import { IfMatch, Version, Workflow } from '../schemas/workflow.ts'
import type { WorkflowService } from '../services/workflows/index.ts'
import { asIs, callerOf, tagged, TAGS } from './workflow-scope.ts'

/** A request without a body means the default, so null is one. */
const VersionChoice = Type.Union([
  Type.Object({ version: Type.Optional(Version) }, { additionalProperties: false, examples: [{ version: 3 }] }),
  Type.Null()
])

const common = {
  tags: TAGS,
  security: ORGANIZATION_SECURITY,
  params: IdParams,
  headers: IfMatch,
  response: { 200: Workflow, ...problemResponses(400, 401, 404, 409, 412, 415, 422) }
}

export const workflowPublicationRoutes: FastifyPluginAsyncTypebox<{ workflows: WorkflowService }> = async (app, { workflows }) => {
  app.setSerializerCompiler(asIs)

  app.post('/:id/publish', {
    config: { access: needs('workflow:publish', 'workflow'), idempotent: true },
    schema: {
      ...common,
      operationId: 'publishWorkflow',
      summary: 'Let a version run',
      description: 'The newest one, or the one that is named. Refused for what validation calls an error, and where another workflow has the path of a webhook.',
      body: VersionChoice
    }
  }, async (request, reply) => tagged(reply, await workflows.publish(callerOf(request), {
    id: request.params.id, version: request.body?.version, precondition: request.headers['if-match']
  })))

  app.post('/:id/unpublish', {
    config: { access: needs('workflow:publish', 'workflow'), idempotent: true },
    schema: {
      ...common,
      operationId: 'unpublishWorkflow',
      summary: 'Let no version run',
      description: 'What has started goes on to its end.',
      body: Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])
    }
  }, async (request, reply) => tagged(reply, await workflows.unpublish(callerOf(request), {
    id: request.params.id, precondition: request.headers['if-match']
  })))

  app.post('/:id/rollback', {
    config: { access: needs('workflow:publish', 'workflow'), idempotent: true },
    schema: {
      ...common,
      operationId: 'rollBackWorkflow',
      summary: 'Let an older version run again',
      description: 'The version that is named, or the newest one older than the running one that was ever published.',
      body: VersionChoice
    }
  }, async (request, reply) => tagged(reply, await workflows.rollBack(callerOf(request), {
    id: request.params.id, version: request.body?.version, precondition: request.headers['if-match']
  })))
}

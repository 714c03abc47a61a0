import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { WorkflowExport } from '../engine/workflow-input.ts'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { WorkflowVersion, WorkflowVersionSummary } from '../schemas/workflow.ts'
import type { WorkflowService } from '../services/workflows/index.ts'
import { asIs, callerOf, TAGS } from './workflow-scope.ts'

// Text, since numbers in a path are not numbers yet, and what is none must be refused, not rounded.
const VersionNumber = Type.String({ pattern: '^[1-9][0-9]{0,8}$', examples: ['3'] })
const VersionParams = Type.Object({ id: Id, version: VersionNumber }, { additionalProperties: false })

const common = { tags: TAGS, security: ORGANIZATION_SECURITY }

export const workflowVersionRoutes: FastifyPluginAsyncTypebox<{ workflows: WorkflowService }> = async (app, { workflows }) => {
  app.setSerializerCompiler(asIs)

  app.get('/:id/versions', {
    config: { access: needs('workflow:read', 'workflow') },
    schema: {
      ...common,
      operationId: 'listWorkflowVersions',
      summary: 'List the versions of a workflow, newest first',
      params: IdParams,
      querystring: Page,
      response: { 200: listOf(WorkflowVersionSummary), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await workflows.versions(callerOf(request), request.params.id, limit + 1, cursor === undefined ? undefined : versionOf(decodeCursor(cursor)))
    return toPage(rows, limit, ({ version }) => cursorId(version), row => row)
  })

  app.get('/:id/versions/:version', {
    config: { access: needs('workflow:read', 'workflow') },
    schema: {
      ...common,
      operationId: 'getWorkflowVersion',
      summary: 'Read a version of a workflow',
      params: VersionParams,
      response: { 200: WorkflowVersion, ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => await workflows.version(callerOf(request), request.params.id, Number(request.params.version)))

  app.get('/:id/export', {
    config: { access: needs('workflow:read', 'workflow') },
    schema: {
      ...common,
      operationId: 'exportWorkflow',
      summary: 'Export a workflow as JSON',
      description: 'Without ids or history: what POST /v1/workflows/import takes.',
      params: IdParams,
      querystring: Type.Object({ version: Type.Optional(VersionNumber) }, { additionalProperties: false }),
      response: { 200: WorkflowExport, ...problemResponses(400, 401, 404, 422) }
    }
  }, async (request, reply) => {
    const { version } = request.query
    const { id } = request.params
    reply.header('content-disposition', `attachment; filename="workflow-${id}.json"`)
    return await workflows.export(callerOf(request), id, version === undefined ? undefined : Number(version))
  })
}

/** Cursors carry ids: a version as the last digits of one. */
function cursorId (version: number): string {
  return `00000000-0000-7000-8000-${version.toString(16).padStart(12, '0')}`
}

function versionOf (cursorId: string): number {
  return Math.min(Number.parseInt(cursorId.slice(-12), 16), 2_147_483_647)
}

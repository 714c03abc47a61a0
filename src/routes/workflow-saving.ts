import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { EXPORT_SCHEMA_VERSION, WorkflowExport, WorkflowInput, WorkflowPatch } from '../engine/workflow-input.ts'
import { needs } from '../schemas/access.ts'
import { IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import { IfMatch, SavedWorkflow, ValidationResult } from '../schemas/workflow.ts'
import type { WorkflowService } from '../services/workflows/index.ts'
import { mayNameOthers } from './references.ts'
import { asIs, BODY_LIMIT, bodyIsJudgedByService, callerOf, tagged, TAGS } from './workflow-scope.ts'

const EXAMPLE = {
  name: 'Order intake',
  nodes: [
    { id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'orders' } },
    { id: 'price', type: 'set', parameters: { fields: { total: '{{ $json.body.quantity * $json.body.unitPrice }}' } } }
  ],
  connections: [{ from: 'in', to: 'price' }],
  settings: { timeout: '5m' }
}

const common = { tags: TAGS, security: ORGANIZATION_SECURITY }

/** New workflows, and what would be wrong with one. */
export const workflowCreationRoutes: FastifyPluginAsyncTypebox<{ workflows: WorkflowService }> = async (app, { workflows }) => {
  app.setSerializerCompiler(asIs)
  const reading = { bodyLimit: BODY_LIMIT, validatorCompiler: bodyIsJudgedByService(app) }
  const writing = { ...reading, preHandler: mayNameOthers }

  app.post('/', {
    ...writing,
    config: { access: needs('workflow:edit'), idempotent: true },
    schema: {
      ...common,
      operationId: 'createWorkflow',
      summary: 'Create a workflow',
      description: 'A draft may lack a trigger; what is wrong in itself is refused, all of it at once.',
      body: { ...WorkflowInput, examples: [EXAMPLE] },
      response: { 201: SavedWorkflow, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const created = await workflows.create(callerOf(request), request.body)
    return await reply.code(201).header('location', `/v1/workflows/${created.value.id}`).send(tagged(reply, created))
  })

  app.post('/import', {
    ...writing,
    config: { access: needs('workflow:edit'), idempotent: true },
    schema: {
      ...common,
      operationId: 'importWorkflow',
      summary: 'Create a workflow from an exported one',
      body: { ...WorkflowExport, examples: [{ schemaVersion: EXPORT_SCHEMA_VERSION, workflow: EXAMPLE }] },
      response: { 201: SavedWorkflow, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const created = await workflows.import(callerOf(request), request.body)
    return await reply.code(201).header('location', `/v1/workflows/${created.value.id}`).send(tagged(reply, created))
  })

  app.post('/validate', {
    ...reading,
    config: { access: needs('workflow:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'validateWorkflow',
      summary: 'Say what publishing a workflow would refuse, without saving it',
      body: { ...WorkflowInput, examples: [EXAMPLE] },
      response: { 200: ValidationResult, ...problemResponses(400, 401, 404, 413, 415) }
    }
  }, async request => {
    const { errors, warnings } = await workflows.validate(callerOf(request), request.body)
    return { valid: errors.length === 0, errors: [...errors], warnings: [...warnings] }
  })
}

/** New versions of workflows. */
export const workflowSavingRoutes: FastifyPluginAsyncTypebox<{ workflows: WorkflowService }> = async (app, { workflows }) => {
  app.setSerializerCompiler(asIs)
  const writing = { bodyLimit: BODY_LIMIT, validatorCompiler: bodyIsJudgedByService(app), preHandler: mayNameOthers }

  app.put('/:id', {
    ...writing,
    config: { access: needs('workflow:edit', 'workflow') },
    schema: {
      ...common,
      operationId: 'replaceWorkflow',
      summary: 'Save a workflow as a new version',
      description: 'With `If-Match`, only if it is unchanged since that ETag. A save that changes nothing makes no version.',
      params: IdParams,
      headers: IfMatch,
      body: { ...WorkflowInput, examples: [EXAMPLE] },
      response: { 200: SavedWorkflow, ...problemResponses(400, 401, 404, 409, 412, 413, 415, 422) }
    }
  }, async (request, reply) =>
    tagged(reply, await workflows.replace(callerOf(request), request.params.id, request.body, request.headers['if-match'])))

  app.patch('/:id', {
    ...writing,
    config: { access: needs('workflow:edit', 'workflow') },
    schema: {
      ...common,
      operationId: 'updateWorkflow',
      summary: 'Save a workflow with some of its properties replaced',
      description: 'Each property that is given takes the place of the whole old one: nodes and connections are whole lists.',
      params: IdParams,
      headers: IfMatch,
      body: { ...WorkflowPatch, examples: [{ name: 'Order intake, EU' }] },
      response: { 200: SavedWorkflow, ...problemResponses(400, 401, 404, 409, 412, 413, 415, 422) }
    }
  }, async (request, reply) =>
    tagged(reply, await workflows.patch(callerOf(request), request.params.id, request.body, request.headers['if-match'])))
}

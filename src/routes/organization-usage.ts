import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needsInPath } from '../schemas/access.ts'
import { IdParams, Instant, Nullable, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import { readUsage } from '../services/quotas/usage.ts'

const Limit = Nullable(Type.Integer({ minimum: 0, description: 'Set by the operator; null is without limit', examples: [100_000] }))
const Used = Type.Integer({ minimum: 0, examples: [42] })

const Usage = Type.Object({
  period: Type.Object({ from: Instant, to: Instant }, { description: 'The month (UTC) in which executions are counted' }),
  executions: Type.Object({ used: Used, limit: Limit, refused: Type.Integer({ minimum: 0, description: 'Not started in this month because a quota was used up', examples: [0] }) }),
  storedBytes: Type.Object({ used: Used, limit: Limit, measuredAt: Nullable(Instant) }, { description: 'Of files: binary data, and payloads and outputs that are too large for the database' }),
  members: Type.Object({ used: Used, limit: Limit }),
  requestsPerMinute: Type.Object({ limit: Limit })
}, { $id: 'Usage' })

/** `/v1/organizations/:id/usage`. */
export const organizationUsageRoutes: FastifyPluginAsyncTypebox<{ now: () => number }> = async (app, { now }) => {
  app.get('/:id/usage', {
    config: { access: needsInPath('organization:read') },
    schema: {
      tags: ['Organizations'],
      security: ORGANIZATION_SECURITY,
      operationId: 'getUsage',
      summary: 'Read what the organization has used of what it may have',
      params: IdParams,
      response: { 200: Usage, ...problemResponses(401, 404, 422) }
    }
  }, async request => await readUsage(request.db, now()))
}

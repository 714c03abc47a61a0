import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, Instant, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { readCircuits } from '../services/egress/circuit-board.ts'

const Circuit = Type.Object({
  id: Id,
  host: Type.String({ description: 'With its port, where that is not the default', examples: ['api.example.com'] }),
  state: Type.Union([Type.Literal('open'), Type.Literal('halfOpen')], { description: '`open`: requests fail at once with `WC_CIRCUIT_OPEN`. `halfOpen`: the next request tries the destination' }),
  since: Type.Unsafe<string>({ ...Instant, description: 'Since when it is not closed' }),
  retryAt: Type.Unsafe<string>({ ...Instant, description: 'When a request may try it' }),
  lastFailure: Type.String({ examples: ['it answered 503'] })
}, { $id: 'Circuit' })

/** `/v1/circuits`. */
export const circuitRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/', {
    config: { access: needs('execution:read') },
    schema: {
      tags: ['Executions'],
      security: ORGANIZATION_SECURITY,
      operationId: 'listCircuits',
      summary: 'List the destinations that workflows do not call for now, because they keep failing',
      description: 'What is not in the list is called. The circuits of each process are its own: one that is open in any of them is listed.',
      querystring: Page,
      response: { 200: listOf(Circuit), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await readCircuits(request.db, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, row => row)
  })
}

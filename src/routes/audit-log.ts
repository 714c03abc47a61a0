import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from '@sinclair/typebox'
import { Readable } from 'node:stream'
import { needs } from '../schemas/access.ts'
import { AuditQuery, AuditRecord } from '../schemas/audit.ts'
import { ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { AuditRow, AuditTrail } from '../services/audit-trail.ts'
import { InvalidInput } from '../services/problems.ts'

const NDJSON = 'application/x-ndjson'

/** `/v1/audit-log`. */
export const auditLogRoutes: FastifyPluginAsyncTypebox<{ audit: AuditTrail }> = async (app, { audit }) => {
  app.get('/', {
    config: { access: needs('audit:read') },
    schema: {
      tags: ['Audit'],
      security: ORGANIZATION_SECURITY,
      operationId: 'listAuditLog',
      summary: 'What was changed, by whom and from where, the newest first',
      description: 'A page, or with `Accept: application/x-ndjson` all that fits the filter, a record a line.',
      querystring: AuditQuery,
      response: {
        200: { description: 'Records', content: { 'application/json': { schema: listOf(AuditRecord) }, [NDJSON]: { schema: Type.String() } } },
        ...problemResponses(400, 401, 404, 422)
      }
    },
    // What was recorded is of any shape: sent as it is.
    serializerCompiler: () => data => JSON.stringify(data)
  }, async (request, reply) => {
    const { limit, cursor, ...rest } = request.query
    const filter = filterOf(rest, cursor)
    reply.header('vary', 'accept')
    if (wantsLines(request.headers.accept)) {
      reply.headers({ 'content-type': `${NDJSON}; charset=utf-8`, 'content-disposition': 'attachment; filename="audit-log.ndjson"' })
      return await reply.send(Readable.from(lines(audit.all(request.db, filter))) as never)
    }
    return toPage(await audit.list(request.db, { ...filter, limit: limit + 1 }), limit, ({ id }) => id, view)
  })
}

type Query = Omit<Static<typeof AuditQuery>, 'limit' | 'cursor'>

function filterOf ({ from, to, ...rest }: Query, cursor: string | undefined) {
  const range = { ...(from === undefined ? {} : { from: Date.parse(from) }), ...(to === undefined ? {} : { to: Date.parse(to) }) }
  if (range.from !== undefined && range.to !== undefined && range.from > range.to) {
    throw InvalidInput([{ pointer: '/query/from', message: 'must not be after `to`', code: 'WC_OUT_OF_RANGE' }])
  }
  return { ...rest, ...range, ...(cursor === undefined ? {} : { before: decodeCursor(cursor) }) }
}

async function * lines (rows: AsyncGenerator<AuditRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(view(row))}\n`
}

function view ({ id, at, actorType, actorId, action, targetType, targetId, before, after, ip, requestId }: AuditRow): Static<typeof AuditRecord> {
  return { id, at: at.toISOString(), actor: { type: actorType, id: actorId }, action, target: { type: targetType, id: targetId }, before, after, ip, requestId }
}

function wantsLines (accept = ''): boolean {
  return accept.split(',').some(part => part.split(';', 1)[0]!.trim().toLowerCase() === NDJSON)
}

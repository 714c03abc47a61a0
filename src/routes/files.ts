import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import contentDisposition from 'content-disposition'
import { Readable } from 'node:stream'
import { needs } from '../schemas/access.ts'
import { IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import { RangeNotSatisfiable } from '../services/problems.ts'
import type { Files } from '../services/files/files.ts'

const BYTES = Type.String({ format: 'binary' })

/** `/v1/files`. */
export const fileRoutes: FastifyPluginAsyncTypebox<{ files: Files }> = async (app, { files }) => {
  app.get('/:id', {
    config: { access: needs('execution:read', 'file') },
    schema: {
      tags: ['Executions'],
      security: ORGANIZATION_SECURITY,
      operationId: 'getFile',
      summary: 'Download binary data of an item',
      description: 'The `fileId` stands in the `binary` of an item. With `Range: bytes=first-last` a part of it. A file is gone when its execution is.',
      params: IdParams,
      headers: Type.Object({ range: Type.Optional(Type.String({ maxLength: 200, examples: ['bytes=0-1023'] })) }),
      response: {
        200: { description: 'The bytes', content: { 'application/octet-stream': { schema: BYTES } } },
        206: { description: 'The part that was asked for', content: { 'application/octet-stream': { schema: BYTES } } },
        ...problemResponses(400, 401, 404, 416, 422)
      }
    }
  }, async (request, reply) => {
    const file = await files.find(request.db, request.params.id)
    const range = parseRange(request.headers.range, file.size)
    reply.headers({
      'content-type': file.mediaType,
      'content-disposition': contentDisposition(file.name ?? undefined, { type: 'attachment' }),
      // A stranger's content on the service's origin gets no rights there.
      'content-security-policy': "default-src 'none'; sandbox",
      'accept-ranges': 'bytes',
      etag: `"${file.id}"`,
      'content-length': range === undefined ? file.size : range.end - range.start + 1
    })
    if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${file.size}`)
    const body = request.method === 'HEAD' ? Readable.from([]) : await files.download(request.organizationId, file.id, range)
    return await reply.send(body as never)
  })
}

/** RFC 9110 section 14.1.2: one range; what is not of that form is as if it were not there, as are several. */
function parseRange (header: string | undefined, size: number): { start: number, end: number } | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start > end) throw RangeNotSatisfiable(size)
  return { start, end }
}

import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { JsonError, parseStrictJson } from '../lib/strict-json.ts'
import { InvalidInput, MalformedRequest, UnsupportedMediaType } from '../services/problems.ts'

// RFC 9110 section 8.3.1. The framework's own match is more lenient than what proxies and filters before us see.
const JSON_MEDIA_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i

/** The only body that routes of this scope take: JSON in UTF-8, read strictly. An empty body is no body. */
export const jsonBody = fp(async function jsonBodyPlugin (app) {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    refuseOtherMediaTypes(request)
    return body.length === 0 ? undefined : read(body)
  })
  app.addHook('onRequest', async request => {
    // PostgreSQL cannot store U+0000, and no path or query of ours needs it.
    if (request.url.includes('%00')) throw MalformedRequest('The path and the query must not contain %00.')
  })
}, { name: 'json-body', fastify: '5.x' })

function refuseOtherMediaTypes ({ headers }: FastifyRequest): void {
  if (!JSON_MEDIA_TYPE.test(headers['content-type'] ?? '')) throw UnsupportedMediaType('The content type must be application/json, in UTF-8.')
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw UnsupportedMediaType('The body must not be compressed.')
}

function read (body: Buffer): unknown {
  try {
    return parseStrictJson(body)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    if (error.fault === 'unstorable') throw InvalidInput([{ pointer: error.pointer, message: error.message, code: 'WC_TEXT_NOT_STORABLE' }])
    throw MalformedRequest(error.message)
  }
}

import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema, FastifySchemaCompiler } from 'fastify'
import type { Caller } from '../services/workflows/index.ts'

export const BODY_LIMIT = 16 * 1024 * 1024

export const TAGS = ['Workflows']

/** Who asks, for services. */
export function callerOf (request: FastifyRequest): Caller {
  return { db: request.db, origin: request.origin() }
}

/** The value, with its ETag on the reply. */
export function tagged<T> (reply: FastifyReply, { etag, value }: { etag: string, value: T }): T {
  reply.header('etag', etag)
  return value
}

/**
 * For routes whose body is judged by the service, which reports all that is wrong at once: the schema stays in the
 * OpenAPI document, and only the parts beside the body are validated by it.
 */
export function bodyIsJudgedByService (app: FastifyInstance): FastifySchemaCompiler<FastifySchema> {
  return route => {
    if (route.httpPart === 'body') return () => true
    const { validatorCompiler } = app
    if (validatorCompiler === undefined) throw new Error('The plugin for validation must be registered before')
    return validatorCompiler(route)
  }
}

/** Definitions are stored as they were validated, and sent whole: a serializer made from the schema would drop odd keys. */
export const asIs = () => (data: unknown): string => JSON.stringify(data)

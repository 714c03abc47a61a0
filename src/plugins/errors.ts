import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { violatedConstraint } from '../db/errors.ts'
import { classifyFailure, errorCode } from '../db/failure.ts'
import { Problem, problemBody } from '../lib/problem.ts'
import { Internal, MalformedRequest, NotFound, TooLarge, Unavailable, UnsupportedMediaType } from '../services/problems.ts'
import { discardBody } from '../lib/discard-body.ts'

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'
const BODY_TOO_LARGE = 'FST_ERR_CTP_BODY_TOO_LARGE'

/** Renders whatever a route throws. */
export const errors = fp(async function errorsPlugin (app) {
  app.setErrorHandler((error, request, reply) => {
    if ((error as Partial<FastifyError>).code === BODY_TOO_LARGE) discardBody(request.raw, () => { sendError(error, request, reply) })
    else sendError(error, request, reply)
  })
}, { name: 'errors', fastify: '5.x' })

export function sendError (error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = isCutOff(error, request) ? MalformedRequest('The connection ended before the body did.') : toProblem(error, request)
  if (problem.code === Internal.code) {
    request.log.error({ err: error }, 'A request failed through a fault of WeConnect itself. The client got 500 with this request id; the error and its stack say where.')
  } else if (problem.status >= 500) {
    request.log.warn({ err: problem.cause ?? problem, code: problem.code }, 'A request was refused for the moment and can be sent again. If this goes on, look at /readyz for the dependency that is away.')
  }
  sendProblem(problem, request.id, reply)
}

export function sendProblem (problem: Problem, requestId: string, reply: FastifyReply): void {
  // Serialized here: the route's schema for this status may be a stranger's, and must not cut the problem down.
  void reply.code(problem.status).headers(problem.headers).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problemBody(problem, requestId)))
}

/** Its client went away in the middle of the body: no dependency of ours did. */
function isCutOff (error: unknown, { raw }: FastifyRequest): boolean {
  return errorCode(error) === 'ECONNRESET' && raw.destroyed && !raw.complete
}

/** What the client may know of an error. Nothing of an unexpected one. */
export function toProblem (error: unknown, request: Pick<FastifyRequest, 'routeOptions'>): Problem {
  if (error instanceof Problem) return error
  if (classifyFailure(error) === 'repeat') return Unavailable('database', error)
  // Deleted a moment ago; this process heard of its credential before that.
  if (violatedConstraint(error)?.endsWith('_organization_id_fkey') === true) return NotFound('organization with this id')
  const { code, statusCode, message } = error as Partial<FastifyError>
  switch (code) {
    case BODY_TOO_LARGE: return TooLarge(request.routeOptions.bodyLimit)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return UnsupportedMediaType('The content type is not one that this path understands. Send application/json.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH': return MalformedRequest('The body is not as long as Content-Length says.')
    case 'FST_ERR_BAD_URL': return MalformedRequest('The path holds a malformed escape.')
    case 'FST_ERR_HANDLER_TIMEOUT': return Unavailable('service', error)
    default: return code?.startsWith('FST_') === true && statusCode === 400 ? MalformedRequest(String(message)) : Internal()
  }
}

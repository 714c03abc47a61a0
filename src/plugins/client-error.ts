import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Problem } from '../lib/problem.ts'
import { HeadersTooLarge, MalformedRequest, RequestTimeout } from '../services/problems.ts'
import { problemBody } from '../lib/problem.ts'
import { PROBLEM_MEDIA_TYPE } from './errors.ts'

/** Answers what is not HTTP, or too slow or too large to become a request. */
export function createClientErrorHandler (nextId: () => string) {
  return function answerClientError (error: Error & { code?: string }, socket: Socket): void {
    // After a first byte of a response, another response would be read as part of it.
    if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
      socket.destroy()
      return
    }
    const problem = clientProblem(error.code)
    const body = JSON.stringify(problemBody(problem, nextId()))
    socket.end([
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
      `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close', '', body
    ].join('\r\n'))
  }
}

function clientProblem (code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': return HeadersTooLarge()
    case 'ERR_HTTP_REQUEST_TIMEOUT': return RequestTimeout()
    default: return MalformedRequest('This is not a well-formed HTTP/1.1 request.')
  }
}

import type { HttpAnswer } from '../../engine/nodes/node-type.ts'
import { MethodNotAllowed } from '../problems.ts'
import type { EndpointMatch } from './endpoints.ts'
import type { ArrivingRequest } from './gate.ts'

/** A request with a method that starts nothing at its path: who asks whether there is something, and what. Throws Problem. */
export async function answerOtherMethod (request: ArrivingRequest, { allow, endpoints }: Extract<EndpointMatch, { kind: 'otherMethod' }>): Promise<HttpAnswer> {
  const headers = { allow: allow.join(', ') }
  switch (request.method) {
    case 'OPTIONS': {
      const cors = endpoints.find(endpoint => endpoint.cors !== undefined)?.cors
      return { status: 204, headers: { ...headers, ...cors?.preflight(request.headers, allow) }, body: null }
    }
    // Some senders ask for the head of an address before they take it.
    case 'HEAD': return { status: 200, headers, body: null }
    case 'GET':
      for (const { greeting } of endpoints) {
        const answer = greeting?.byGet === true ? greeting.answer(request) : undefined
        if (answer !== undefined) return await answer
      }
  }
  throw MethodNotAllowed(headers.allow)
}

import { Type, type Static } from '@sinclair/typebox'

export const InputErrorDetail = Type.Object({
  pointer: Type.String({
    description: 'JSON pointer to what is wrong: into the body as it is (/nodes/0/id), else below /query, /params or /headers',
    examples: ['/nodes/0/id', '/query/limit']
  }),
  message: Type.String({ examples: ['is required'] }),
  code: Type.String({ examples: ['WC_REQUIRED'] })
}, { $id: 'InputError' })

/** RFC 9457, with our code and, for invalid input, one entry for each thing that is wrong. */
export const ProblemDetails = Type.Object({
  type: Type.String({ format: 'uri-reference', examples: ['urn:weconnect:problem:not-found'] }),
  title: Type.String({ examples: ['Not found'] }),
  status: Type.Integer({ minimum: 400, maximum: 599, examples: [404] }),
  detail: Type.String({ examples: ['There is no workflow with this id here.'] }),
  code: Type.String({ pattern: '^WC_[A-Z_]+$', description: 'Stable: decide by this one', examples: ['WC_NOT_FOUND'] }),
  instance: Type.String({ description: 'The id of the request, as in the logs', examples: ['01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'] }),
  errors: Type.Optional(Type.Array(InputErrorDetail)),
  permission: Type.Optional(Type.String({ description: 'With 403: what the caller lacks', examples: ['workflow:publish'] })),
  quota: Type.Optional(Type.String({ description: 'Which quota is used up', examples: ['executionsPerMonth'] })),
  limit: Type.Optional(Type.Integer({ description: 'Of that quota', examples: [100_000] })),
  used: Type.Optional(Type.Integer({ description: 'Of that quota', examples: [100_000] })),
  resetsAt: Type.Optional(Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description: 'When that quota begins anew; null: when something is taken away' }))
}, { $id: 'Problem' })
export type ProblemDetails = Static<typeof ProblemDetails>

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'Authentication is required',
  403: 'Not allowed',
  404: 'Not found, or owned by another organization',
  409: 'In conflict with the present state',
  412: 'Changed in the meantime: read it again',
  413: 'The body is too large',
  415: 'Only application/json is understood here',
  416: 'No byte is in the range',
  422: 'The input is not valid; `errors` names everything that is wrong',
  428: 'The request must say which version it changes',
  429: 'Too many requests; `Retry-After` says when to try again',
  500: 'The fault is on our side; `instance` finds it in the logs',
  503: 'A dependency is away, or more arrives than can be taken; try again after `Retry-After`'
}

const ALWAYS = [429, 500, 503]

/** The error responses of a route, those that any route can give included. */
export function problemResponses (...statuses: number[]) {
  const all = [...new Set([...statuses, ...ALWAYS])].sort((a, b) => a - b)
  return Object.fromEntries(all.map(status => [status, {
    description: DESCRIPTIONS[status] ?? 'Refused',
    content: { 'application/problem+json': { schema: ProblemDetails } }
  }]))
}

import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { headerProblem } from '../../lib/http-headers.ts'
import { parseDuration } from '../../lib/duration.ts'
import { hasExpression } from '../expression/index.ts'
import { duration, STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'

export const DEFAULT_WINDOW = '24h'
const MAX_WINDOW = '30d'

export const Deduplicate = Type.Object({
  key: Type.Optional(Type.String({ title: 'Key', description: 'What is equal in deliveries that are one; a request for which it is null, missing or empty equals no other.', maxLength: 4096, examples: ['{{ $json.body.id }}'] })),
  header: Type.Optional(Type.String({ title: 'Header', description: 'Instead of a key: the header that holds it.', minLength: 1, maxLength: 128, examples: ['webhook-id', 'x-github-delivery'], ...STATIC })),
  window: Type.Optional(duration({ title: 'Window', description: `How long a key is remembered, up to ${MAX_WINDOW}.`, default: DEFAULT_WINDOW, ...STATIC }))
}, { additionalProperties: false, title: 'Deduplication', description: 'Accepts a delivery once: repetitions get the id of the execution that the first one started.' })

export type Deduplicate = Static<typeof Deduplicate>

export function deduplicateIssues (given: Deduplicate | undefined): ParameterIssue[] {
  if (given === undefined) return []
  const { key, header, window } = given
  const issues: ParameterIssue[] = []
  const report = (name: string, message: string): void => { issues.push({ pointer: `/deduplicate${name}`, message, code: 'WC_WEBHOOK_DEDUPLICATE' }) }
  if ((key === undefined) === (header === undefined)) report('', 'needs a key or a header, one of both')
  if (key !== undefined && !hasExpression(key)) report('/key', 'must hold an expression such as {{ $json.body.id }}: text is equal in all requests')
  const problem = header === undefined ? null : headerProblem(header, '', 'response')
  if (problem !== null) report('/header', problem)
  if (window !== undefined && (parseDuration(window) > parseDuration(MAX_WINDOW) || parseDuration(window) === 0)) report('/window', `more than nothing, and at most ${MAX_WINDOW}`)
  return issues
}

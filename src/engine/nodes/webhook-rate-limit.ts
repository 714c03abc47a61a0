import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { parseDuration } from '../../lib/duration.ts'
import { duration, STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'

const MAX_PERIOD = '1d'

export const RateLimit = Type.Object({
  requests: Type.Integer({ title: 'Requests', description: 'In the long run, within the period.', minimum: 1, maximum: 10_000_000 }),
  per: Type.Optional(duration({ title: 'Period', description: `Up to ${MAX_PERIOD}.`, default: '1m' })),
  burst: Type.Optional(Type.Integer({ title: 'Burst', description: 'At once; else as many as within the period.', minimum: 1, maximum: 10_000_000 }))
}, { additionalProperties: false, title: 'Rate limit', description: 'More requests get 429 with Retry-After.', ...STATIC })

export type RateLimit = Static<typeof RateLimit>

export function rateLimitIssues (limit: RateLimit | undefined): ParameterIssue[] {
  if (limit?.per === undefined) return []
  const period = parseDuration(limit.per)
  return period > 0 && period <= parseDuration(MAX_PERIOD) ? [] : [{ pointer: '/rateLimit/per', message: `more than nothing, and at most ${MAX_PERIOD}`, code: 'WC_DURATION' }]
}

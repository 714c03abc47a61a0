import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'

export const Cors = Type.Object({
  origins: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    title: 'Origins', description: 'Whose pages may send requests from browsers, such as https://shop.example.com; * is every page.', minItems: 1, maxItems: 100, uniqueItems: true, examples: [['https://shop.example.com']]
  }),
  credentials: Type.Optional(Type.Boolean({ title: 'Credentials', description: 'Whether browsers send Authorization and cookies along; not with *.', default: false }))
}, { additionalProperties: false, title: 'CORS', description: 'Lets pages of other origins send requests from browsers, and read the answers.', ...STATIC })

export type Cors = Static<typeof Cors>

export function corsIssues (cors: Cors | undefined): ParameterIssue[] {
  if (cors === undefined) return []
  const wrong = cors.origins.flatMap((origin, index) => origin === '*' || isOrigin(origin)
    ? []
    : [{ pointer: `/cors/origins/${index}`, message: 'must be an origin such as https://shop.example.com, without a path, or *', code: 'WC_INVALID_FORMAT' }])
  if (cors.credentials !== true || !cors.origins.includes('*')) return wrong
  return [...wrong, { pointer: '/cors/credentials', message: 'browsers send no credentials where every origin is allowed: name the origins', code: 'WC_WEBHOOK_CORS' }]
}

function isOrigin (text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text
}

import { NodeError } from '../node-error.ts'

/** Headers as evaluated parameters give them: lower-case names, values as text; those that are null or missing are left out. */
export function headerPairs (headers: unknown): readonly (readonly [name: string, value: string])[] {
  if (headers === undefined || headers === null) return []
  if (typeof headers !== 'object' || Array.isArray(headers)) {
    throw new NodeError('WC_PARAMETER', 'Headers must be an object of values by name', { pointer: '/headers' })
  }
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || value === null) return []
    if (typeof value === 'object') {
      throw new NodeError('WC_PARAMETER', `The header ${JSON.stringify(name.slice(0, 60))} must be text`, { pointer: '/headers' })
    }
    return [[name.toLowerCase(), String(value)] as const]
  })
}

import { Type, type TSchema } from '@sinclair/typebox'

const UUID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

/** A UUIDv7 in the one form in which it is stored: lower case, with dashes. */
export const Id = Type.String({ format: 'uuid', pattern: UUID_PATTERN, examples: ['01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'] })

export const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC', examples: ['2026-01-31T12:00:00.000Z'] })

/** A name that people read, not only blanks. The pattern is linear: all errors are collected, so it also meets strings that are too long. */
export const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' })

export const IdParams = Type.Object({ id: Id }, { additionalProperties: false })

export function Nullable<T extends TSchema> (schema: T) {
  return Type.Union([schema, Type.Null()])
}

/** For operations of an organization: a session or an API key. */
export const ORGANIZATION_SECURITY = [{ bearer: [] }, { apiKey: [] }]
/** For what belongs to a person: a session only. */
export const SESSION_SECURITY = [{ bearer: [] }]
export const PUBLIC_SECURITY: Array<Record<string, string[]>> = []

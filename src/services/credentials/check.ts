import { HOST_PATTERN, isNoWider } from '../../engine/credentials/allowed-hosts.ts'
import { isDestination } from '../../engine/credentials/credential-type.ts'
import { credentialTypes, secretFieldsOf, type CredentialData, type CredentialType } from '../../engine/credentials/index.ts'
import { validateShape, validateStorable } from '../../engine/validate.ts'
import { isPlainObject } from '../../engine/validation/json-schema.ts'
import { step, type Issue } from '../../engine/validation/report.ts'
import { InvalidInput } from '../problems.ts'
import type { SealedContent } from './vault.ts'

/** Of the data as JSON text, in bytes. */
export const MAX_DATA_SIZE = 65_536

const HOST = new RegExp(HOST_PATTERN)

/** Throws InvalidInput where there is no such type. */
export function typeNamed (name: string): CredentialType {
  const type = credentialTypes.get(name)
  if (type !== undefined) return type
  throw InvalidInput([{ pointer: '/type', message: `must be one of ${[...credentialTypes.keys()].join(', ')}`, code: 'WC_CREDENTIAL_TYPE_UNKNOWN' }])
}

/** What may be sealed. Throws InvalidInput with all that is wrong; no message holds a part of the data. */
export function checkSealable (type: CredentialType, data: unknown, allowedHosts: readonly string[] | null): SealedContent {
  const issues = [...dataIssues(type, data).map(issue => ({ ...issue, pointer: `/data${issue.pointer}` })), ...hostIssues(allowedHosts)]
  if (issues.length > 0) throw InvalidInput(issues)
  return { data: data as CredentialData, allowedHosts: allowedHosts === null ? null : canonicalHosts(allowedHosts) }
}

/** RFC 7396 for one level: null takes a property away. */
export function mergeData (current: CredentialData, change: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...current, ...change }).filter(([, value]) => value !== null))
}

/**
 * Who lets a credential go to more places must enter its secrets again. Otherwise editing would be reading: one would
 * point it at a server of one's own and use it.
 */
export function requireSecretsForNewPlaces (type: CredentialType, current: SealedContent, next: SealedContent, given: Readonly<Record<string, unknown>>): void {
  const { properties } = type.data
  const moved = Object.keys(properties).some(name => isDestination(properties[name]!) && current.data[name] !== next.data[name])
  if (!moved && isNoWider(next.allowedHosts, current.allowedHosts)) return
  const missing = secretFieldsOf(type, current.data).filter(name => !Object.hasOwn(given, name))
  if (missing.length === 0) return
  throw InvalidInput(missing.map(name => ({
    pointer: `/data${step(name)}`, message: 'must be entered again, since the change lets the credential go to another place', code: 'WC_SECRET_REQUIRED'
  })))
}

function dataIssues (type: CredentialType, data: unknown): readonly Issue[] {
  const storable = validateStorable(data)
  if (storable.length > 0) return storable
  if (Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_SIZE) return [{ pointer: '', message: `must have at most ${MAX_DATA_SIZE} bytes as JSON`, code: 'WC_OUT_OF_RANGE' }]
  const shape = validateShape(data, type.data)
  if (shape.length > 0 || !isPlainObject(data)) return shape
  return type.check?.(data) ?? []
}

function hostIssues (hosts: readonly string[] | null): Issue[] {
  return (hosts ?? []).flatMap((host, index) => HOST.test(host.toLowerCase())
    ? []
    : [{ pointer: `/allowedHosts/${index}`, message: 'must be a host name without scheme and port, such as api.example.com or *.example.com', code: 'WC_INVALID_FORMAT' }])
}

function canonicalHosts (hosts: readonly string[]): readonly string[] {
  return [...new Set(hosts.map(host => host.toLowerCase()))]
}

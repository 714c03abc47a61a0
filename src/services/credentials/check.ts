import { HOST_PATTERN, isNoWider } from '../../engine/credentials/allowed-hosts.ts'
import { isDestination } from '../../engine/credentials/credential-type.ts'
import { credentialTypes, dataIssues, referenceIssues, secretFieldsOf, type CredentialData, type CredentialType, type SecretReference, type SecretReferences } from '../../engine/credentials/index.ts'
import { validateStorable } from '../../engine/validate.ts'
import { step, type Issue } from '../../engine/validation/report.ts'
import { InvalidInput } from '../problems.ts'
import type { SealedContent } from './vault.ts'

/** Of the data as JSON text, in bytes. */
export const MAX_DATA_SIZE = 65_536

export interface NewCredential {
  readonly type: string
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
  readonly allowedHosts?: readonly string[] | null | undefined
  /** Of what is not in `data`, but in the operator's secret store. */
  readonly secretReferences?: SecretReferences | undefined
}

/** Each property that is given takes the place of what was there; of `data` and `secretReferences` each of its properties, and null removes one. */
export type CredentialChange = Partial<Omit<NewCredential, 'type' | 'secretReferences'>> & { readonly secretReferences?: Readonly<Record<string, SecretReference | null>> | undefined }

const HOST = new RegExp(HOST_PATTERN)

/** Throws InvalidInput where there is no such type. */
export function typeNamed (name: string): CredentialType {
  const type = credentialTypes.get(name)
  if (type !== undefined) return type
  throw InvalidInput([{ pointer: '/type', message: `must be one of ${[...credentialTypes.keys()].join(', ')}`, code: 'WC_CREDENTIAL_TYPE_UNKNOWN' }])
}

/** What may be sealed. Throws InvalidInput with all that is wrong; no message holds a part of the data. */
export function checkSealable (type: CredentialType, { data, allowedHosts, secretReferences = {} }: SealedContent): SealedContent {
  const references = referenceIssues(type, secretReferences)
  const issues = [
    ...sizeIssues(data) ?? dataIssues(type, data, references.length > 0 ? {} : secretReferences).map(below('/data')),
    ...references.map(below('/secretReferences')),
    ...hostIssues(allowedHosts)
  ]
  if (issues.length > 0) throw InvalidInput(issues)
  return { data, allowedHosts: allowedHosts === null ? null : canonicalHosts(allowedHosts), ...(Object.keys(secretReferences).length > 0 && { secretReferences }) }
}

/** A value is either here or in the secret store. */
export function requireOnePlace (data: Readonly<Record<string, unknown>>, references: Readonly<Record<string, unknown>>): void {
  const twice = Object.keys(references).filter(name => Object.hasOwn(data, name) && data[name] !== null && references[name] !== null)
  if (twice.length === 0) return
  throw InvalidInput(twice.map(name => ({ pointer: `/secretReferences${step(name)}`, message: 'is given in data as well', code: 'WC_INVALID_VALUE' })))
}

function below (parent: string): (issue: Issue) => Issue {
  return issue => ({ ...issue, pointer: parent + issue.pointer })
}

/** RFC 7396 for one level: null takes a property away. What is given here is not in the secret store any more, and the other way round. */
export function mergeContent (current: SealedContent, { data = {}, secretReferences, allowedHosts }: CredentialChange): SealedContent {
  const references = secretReferences ?? {}
  requireOnePlace(data, references)
  return {
    data: merge(current.data, data, references),
    secretReferences: merge(current.secretReferences ?? {}, references, data) as SecretReferences,
    allowedHosts: allowedHosts === undefined ? current.allowedHosts : allowedHosts
  }
}

function merge (current: CredentialData, change: CredentialData, elsewhere: CredentialData): CredentialData {
  const replaced = (name: string): boolean => !Object.hasOwn(change, name) && Object.hasOwn(elsewhere, name) && elsewhere[name] !== null
  return Object.fromEntries(Object.entries({ ...current, ...change }).filter(([name, value]) => value !== null && !replaced(name)))
}

/**
 * Who lets a credential go to more places must enter its secrets again, and what is in the secret store refer to again. Otherwise
 * editing would be reading: one would point it at a server of one's own and use it.
 */
export function requireSecretsForNewPlaces (type: CredentialType, current: SealedContent, next: SealedContent, { data = {}, secretReferences = {} }: CredentialChange): void {
  const { properties } = type.data
  const moved = Object.keys(properties).some(name => isDestination(properties[name]!) && current.data[name] !== next.data[name])
  if (!moved && isNoWider(next.allowedHosts, current.allowedHosts)) return
  // What is still there and was not given is what was there before, whatever else was said of it.
  const kept = [
    ...secretFieldsOf(type, next.data).filter(name => !Object.hasOwn(data, name)).map(name => `/data${step(name)}`),
    ...Object.keys(next.secretReferences ?? {}).filter(name => !Object.hasOwn(secretReferences, name)).map(name => `/secretReferences${step(name)}`)
  ]
  if (kept.length === 0) return
  throw InvalidInput(kept.map(pointer => ({
    pointer, message: 'must be entered again, since the change lets the credential go to another place', code: 'WC_SECRET_REQUIRED'
  })))
}

/** Undefined where it can be looked into. */
function sizeIssues (data: unknown): readonly Issue[] | undefined {
  const storable = validateStorable(data)
  if (storable.length > 0) return storable.map(below('/data'))
  if (Buffer.byteLength(JSON.stringify(data)) <= MAX_DATA_SIZE) return undefined
  return [{ pointer: '/data', message: `must have at most ${MAX_DATA_SIZE} bytes as JSON`, code: 'WC_OUT_OF_RANGE' }]
}

function hostIssues (hosts: readonly string[] | null): Issue[] {
  return (hosts ?? []).flatMap((host, index) => HOST.test(host.toLowerCase())
    ? []
    : [{ pointer: `/allowedHosts/${index}`, message: 'must be a host name without scheme and port, such as api.example.com or *.example.com', code: 'WC_INVALID_FORMAT' }])
}

function canonicalHosts (hosts: readonly string[]): readonly string[] {
  return [...new Set(hosts.map(host => host.toLowerCase()))]
}

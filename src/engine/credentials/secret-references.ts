import type { TSchema } from '@sinclair/typebox'
import { isDestination, type CredentialData, type CredentialType, type DataIssue } from './credential-type.ts'
import { checkSchema } from '../validation/json-schema.ts'
import { step } from '../validation/report.ts'

/** Where the value of a field is: a secret of the operator's store, and a field of it. */
export interface SecretReference {
  readonly path: string
  readonly field: string
}

/** By the names of the properties of a credential's data. */
export type SecretReferences = Readonly<Record<string, SecretReference>>

/** Texts, and lists of secrets. Not where a credential is sent: that is for people to see and for the guard to judge. */
function canRefer (schema: TSchema | undefined): boolean {
  return schema !== undefined && !isDestination(schema) && (schema['type'] === 'string' || schema['type'] === 'array')
}

/** What is wrong with the references themselves; pointers are relative to them. */
export function referenceIssues ({ type, data: { properties } }: CredentialType, references: SecretReferences): DataIssue[] {
  return Object.keys(references).filter(name => !Object.hasOwn(properties, name) || !canRefer(properties[name])).map(name => ({
    pointer: step(name), message: `is not a property of ${type} that can come out of a secret store`, code: 'WC_UNKNOWN_PROPERTY'
  }))
}

/** What is wrong with the data, whatever the values will be that are referred to. */
export function dataIssues (type: CredentialType, data: CredentialData, references: SecretReferences = {}): readonly DataIssue[] {
  const names = Object.keys(references)
  const others = ({ pointer }: DataIssue): boolean => !names.some(name => pointer === step(name) || pointer.startsWith(`${step(name)}/`))
  const stands = { ...data, ...withResolved(type, {}, Object.fromEntries(names.map(name => [name, 'x']))) }
  const shape = checkSchema(type.data, stands, '', { expressions: false }).issues.filter(others)
  // What a type checks beside its shape relies on that.
  return shape.length > 0 ? shape : (type.check?.(stands) ?? []).filter(others)
}

/** The data with what a store answered; a list may be a single text there. */
export function withResolved ({ data: { properties } }: CredentialType, data: CredentialData, values: Readonly<Record<string, unknown>>): CredentialData {
  const own = Object.entries(values).map(([name, value]) => [name, properties[name]?.['type'] === 'array' && typeof value === 'string' ? [value] : value])
  return { ...data, ...Object.fromEntries(own) as CredentialData }
}

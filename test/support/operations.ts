import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { Permission } from '../../src/services/identity/permissions.ts'
import type { Headers, Ids, Site } from './access-site.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly example?: unknown
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
}

export interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters?: ReadonlyArray<{ readonly name: string, readonly in: string, readonly required?: boolean, readonly schema: Schema, readonly example?: unknown }>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema, readonly example?: unknown }>> }
  readonly 'x-permission'?: Permission
  readonly 'x-granted-by'?: string
}

export interface Item {
  readonly path: string
  readonly method: string
  readonly operation: Operation
}

export interface Operations {
  readonly all: readonly Item[]
  /** Those that ask for a credential. */
  readonly guarded: readonly Item[]
  urlOf (path: string, operation: Operation, ids: Ids): string
  bodyOf (operation: Operation): unknown
  /** An operation on what the organization has, its parts new where the operation ends them. It never ends in a fault of ours. */
  ask (t: Test, item: Item, headers: Headers, ids: Ids): Promise<LightMyRequestResponse>
}

/** What ends sessions, or takes away what others are tried on, comes last. */
const LAST = ['removeMember', 'revokeApiKey', 'revokeInvitation', 'deleteSsoProvider', 'deleteCredential', 'deleteExecution', 'deleteWorkflow', 'deleteRole', 'logout', 'deleteOrganization']
/** Bodies without an example that would do. */
const BODIES: Readonly<Record<string, unknown>> = {
  changePassword: { currentPassword: 'not the password 1', newPassword: 'another passphrase 1' },
  createCredential: { name: 'Another', type: 'bearer', data: { token: 'canary-another' } },
  updateCredential: { name: 'Renamed' }
}

/** Every operation of the OpenAPI document, with what to try it with. */
export async function operationsOf ({ app, runtime, call }: Site): Promise<Operations> {
  const document = (await app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, Operation>>, components: { schemas: Record<string, Schema> } }>()
  const all = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })))
  all.sort((a, b) => LAST.indexOf(a.operation.operationId) - LAST.indexOf(b.operation.operationId))

  const resolve = (schema: Schema): Schema => schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1)!]!

  function sample (schema: Schema): unknown {
    const { examples, example = examples?.[0], enum: values, anyOf, properties, required = [], type, format } = resolve(schema)
    if (example !== undefined) return example
    if (values !== undefined) return values[0]
    if (anyOf !== undefined) return sample(anyOf[0]!)
    if (properties !== undefined) return Object.fromEntries(required.map(name => [name, sample(properties[name]!)]))
    if (format === 'date-time') return '2026-01-31T12:00:00Z'
    return type === 'integer' ? 1 : type === 'boolean' ? true : type === 'array' ? [] : 'text'
  }

  function urlOf (path: string, { parameters = [] }: Operation, ids: Ids): string {
    const parts = path.split('/')
    const filled = parts.map((part, index) => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1]
      if (name === undefined) return part
      const { schema, example = sample(schema) } = parameters.find(parameter => parameter.in === 'path' && parameter.name === name)!
      if (schema.format !== 'uuid') return encodeURIComponent(ids[name] ?? String(example))
      return ids[name] ?? ids[parts[index - 1]!] ?? runtime.nextId()
    }).join('/')
    const query = parameters.filter(parameter => parameter.in === 'query' && parameter.required === true).map(({ name, schema, example = sample(schema) }) => `${name}=${encodeURIComponent(String(example))}`)
    return `${filled}?${query.join('&')}`
  }

  function bodyOf ({ operationId, requestBody }: Operation): unknown {
    const media = requestBody?.content['application/json']
    return BODIES[operationId] ?? (media === undefined ? undefined : media.example ?? sample(media.schema))
  }

  async function ask (t: Test, { path, method, operation }: Item, headers: Headers, ids: Ids): Promise<LightMyRequestResponse> {
    const answer = await call(method, urlOf(path, operation, ids), headers, bodyOf(operation))
    t.ok(answer.statusCode < 500, `${method} ${path}: ${answer.statusCode} ${answer.body.slice(0, 200)}`)
    return answer
  }

  return { all, guarded: all.filter(({ operation }) => operation.security.length > 0), urlOf, bodyOf, ask }
}

/** A body but for the id of its request. */
export const without = (body: string): string => body.replaceAll(/"instance":"[^"]*"/g, '')

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { appDependencies } from '../../src/runtime/app-dependencies.ts'
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { ROLES } from '../../src/services/identity/roles.ts'
import { register, type Person } from './app.ts'
import { testDatabase, type Teardown } from './database.ts'
import { until } from './service-process.ts'

export { ROLES }

export type Headers = Record<string, string>

/** What an organization has of each kind, by the name of the path's part or parameter that takes its id. */
export type Ids = Readonly<Record<string, string>>

export interface Site {
  readonly app: FastifyInstance
  readonly runtime: Runtime
  call (method: string, url: string, headers: Headers, body?: unknown): Promise<LightMyRequestResponse>
  /** The body of an answer that must be well. */
  made<T = { id: string }> (method: string, url: string, headers: Headers, body?: unknown): Promise<T>
  /** Somebody new, invited into the organization of a person and in there. */
  joined (owner: Person, role: string): Promise<Person>
  /** One of everything that can be named by an id. */
  furnish (owner: Person, word: string): Promise<Ids>
}

/** The whole service in this process, on a database of its own. */
export async function accessSite (t: Teardown): Promise<Site> {
  const database = await testDatabase(t)
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  const runtime = await createRuntime(loadConfig({ WECONNECT_DATA_DIR: dataDir }, 'all'), createLog('silent'), { database, embedded: undefined })
  const app = await buildApp(appDependencies(runtime))
  t.teardown(async () => {
    await app.close()
    await runtime.close(2000)
    await rm(dataDir, { recursive: true, force: true })
  })
  await app.ready()

  async function call (method: string, url: string, headers: Headers, body?: unknown): Promise<LightMyRequestResponse> {
    const options: InjectOptions = { method: method as 'GET', url, headers }
    return await app.inject(body === undefined ? options : { ...options, headers: { ...headers, 'content-type': 'application/json' }, payload: JSON.stringify(body) })
  }

  async function made<T = { id: string }> (method: string, url: string, headers: Headers, body?: unknown): Promise<T> {
    const answer = await call(method, url, headers, body)
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`)
    return answer.body === '' ? undefined as T : answer.json<T>()
  }

  async function joined (owner: Person, role: string): Promise<Person> {
    const person = await register(app)
    const { token } = await made<{ token: string }>('POST', `/v1/organizations/${owner.organizationId}/invitations`, owner.headers, { email: person.email, role })
    await made('POST', `/v1/invitations/${token}/accept`, person.headers)
    return { ...person, organizationId: owner.organizationId, headers: { ...person.headers, 'x-organization-id': owner.organizationId } as Person['headers'] }
  }

  async function furnish (owner: Person, word: string): Promise<Ids> {
    const { headers, organizationId } = owner
    const workflow = await made('POST', '/v1/workflows', headers, {
      name: `Everything ${word}`,
      nodes: [
        { id: 'in', type: 'webhook', parameters: { method: 'POST', path: word } },
        { id: 'daily', type: 'schedule', parameters: { cron: '0 9 * * *' } },
        { id: 'orders', type: 'poll', parameters: { cron: '0 9 * * *', url: 'https://127.0.0.1/orders', key: 'id' } },
        { id: 'by-hand', type: 'manual', parameters: {} },
        { id: 'tag', type: 'set', parameters: { fields: { word } } }
      ],
      connections: [{ from: 'in', to: 'tag' }, { from: 'daily', to: 'tag' }, { from: 'orders', to: 'tag' }, { from: 'by-hand', to: 'tag' }]
    })
    await made('POST', `/v1/workflows/${workflow.id}/publish`, headers, {})
    const { executionId } = await made<{ executionId: string }>('POST', `/v1/workflows/${workflow.id}/executions`, headers, { input: { word }, startNode: 'by-hand' })
    await until('the execution has ended', async () => ['succeeded', 'failed'].includes((await made<{ status: string }>('GET', `/v1/executions/${executionId}`, headers)).status))
    const [schedule] = (await made<{ data: Array<{ id: string }> }>('GET', '/v1/schedules', headers)).data
    const [poll] = (await made<{ data: Array<{ id: string }> }>('GET', '/v1/polls', headers)).data
    const credential = await made('POST', '/v1/credentials', headers, { name: word, type: 'bearer', data: { token: `canary-${word}` } })
    const key = await made('POST', '/v1/api-keys', headers, { name: word })
    const invitation = await made('POST', `/v1/organizations/${organizationId}/invitations`, headers, { email: `${word}@example.org`, role: 'viewer' })
    const guest = await joined(owner, 'viewer')
    const role = `role-${word.replaceAll('_', '-')}`
    await made('POST', `/v1/organizations/${organizationId}/roles`, headers, { name: role, permissions: ['workflow:read'] })
    await made('PUT', `/v1/variables/${word}`, headers, { value: word })
    await made('PUT', `/v1/workflows/${workflow.id}/variables/${word}`, headers, { value: word })
    await made('PUT', `/v1/event-types/${word}.happened`, headers, { schema: {} })
    const fileId = runtime.nextId()
    await database.service`insert into files (id, execution_id, organization_id, kind, media_type, size) values (${fileId}, ${executionId}, ${organizationId}, 'binary', 'text/plain', 1)`
    const providerId = runtime.nextId()
    await database.service`
      insert into sso_providers (id, organization_id, name, issuer, client_id, scopes, allowed_domains, require_verified_email, create_members, default_role, enabled, version, key_id, data_key, secret)
      values (${providerId}, ${organizationId}, ${word}, 'https://login.example.com', 'canary-client', 'openid', '', true, false, 'viewer', true, 1, 'none', '', '')`
    const [session] = (await made<{ data: Array<{ id: string }> }>('GET', '/v1/auth/sessions', { authorization: guest.headers.authorization })).data
    return {
      workflows: workflow.id,
      executions: executionId,
      schedules: schedule!.id,
      polls: poll!.id,
      credentials: credential.id,
      'api-keys': key.id,
      organizations: organizationId,
      files: fileId,
      sessions: session!.id,
      userId: guest.userId,
      role,
      invitationId: invitation.id,
      providerId
    }
  }

  return { app, runtime, call, made, joined, furnish }
}

import type { FastifyInstance, FastifyPluginAsync, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { WorkflowDefinition } from '../../src/engine/definition.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import type { NodePackage } from '../../src/engine/nodes/external/read-package.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { createIdSource } from '../../src/lib/ids.ts'
import { createKeyring, localKey } from '../../src/lib/secret-box.ts'
import type { SecretStore } from '../../src/lib/secret-store.ts'
import type { Fetch } from '../../src/lib/guarded-fetch/index.ts'
import { createLog } from '../../src/log.ts'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { credentialMounts } from '../../src/routes/credential-mounts.ts'
import { oauth2CallbackRoutes, oauth2Routes } from '../../src/routes/oauth2.ts'
import { workflowMounts } from '../../src/routes/workflow-mounts.ts'
import { createCredentials } from '../../src/services/credentials/index.ts'
import { createNodePackages } from '../../src/services/node-packages.ts'
import { createSecretResolver } from '../../src/services/credentials/resolve-secrets.ts'
import { createCredentialSource } from '../../src/services/credentials/source.ts'
import { createVault, type Vault } from '../../src/services/credentials/vault.ts'
import { createAuthorizations } from '../../src/services/oauth2/authorizations.ts'
import { createTokenSource, type TokenSource } from '../../src/services/oauth2/tokens.ts'
import { createSecretCheck } from '../../src/services/webhooks/check-secrets.ts'
import { createWorkflowService } from '../../src/services/workflows/index.ts'
import { createVariables } from '../../src/services/workflows/variables.ts'
import { register, testApp, type TestApp } from './app.ts'
import { testDatabase, type Teardown, type TestDatabase } from './database.ts'

export type Call = (method: NonNullable<InjectOptions['method']>, url: string, body?: unknown, headers?: Record<string, string>) => Promise<LightMyRequestResponse>

export interface Member {
  readonly organizationId: string
  readonly userId: string
  /** A request of this person; a body that is text is sent as it is. `url` is below /v1. */
  readonly call: Call
  readonly headers: { readonly authorization: string }
}

export interface WorkflowApp extends TestApp {
  /** What caches were told of. */
  readonly changes: { organizationId: string, workflowId: string }[]
  readonly credentialChanges: { organizationId: string, credentialId: string }[]
  readonly vault: Vault
  /** Tokens as another process has them, on the same database. */
  otherProcess (): TokenSource
  /** Somebody new, with an organization of their own. */
  join (): Promise<Member>
}

export const TEST_ENCRYPTION_KEY = Buffer.from('kQ7z1mXv9Lr3Tc5Wn8Yb2Hd6Jf4Pg0Sa')
const noNetwork: Fetch = async () => { throw new Error('This test has no network') }

/** The application with what serves definitions mounted, and more routes of the organization's scope where a test has some. */
export async function workflowApp (t: Teardown, routes: { prefix: string, routes: FastifyPluginAsync }[] = [], { fetch = noNetwork, database, allowed = [], secretStore = null }: { fetch?: Fetch, database?: TestDatabase, allowed?: readonly NodePackage[], secretStore?: SecretStore | null } = {}): Promise<WorkflowApp> {
  const changes: WorkflowApp['changes'] = []
  const credentialChanges: WorkflowApp['credentialChanges'] = []
  const registry = new NodeRegistry([...builtinNodes, ...allowed.flatMap(({ nodes }) => nodes)])
  const nextId = createIdSource(Date.now)
  const packages = createNodePackages(allowed, { nextId })
  const deps = {
    nextId,
    packages,
    clock: Date.now,
    registry,
    checkSecrets: async (organizationId: string, definition: WorkflowDefinition) => await checkSecrets(organizationId, definition),
    onPublicationChanged: (organizationId: string, workflowId: string) => { changes.push({ organizationId, workflowId }) }
  }
  const vault = createVault(createKeyring(localKey(TEST_ENCRYPTION_KEY)))
  const secrets = createSecretResolver(secretStore, { now: Date.now, log: createLog('silent') })
  const services = { workflows: createWorkflowService(deps), variables: createVariables(deps), registry, packages }
  const own = database ?? await testDatabase(t)
  const onChanged = (organizationId: string, credentialId: string): void => { credentialChanges.push({ organizationId, credentialId }) }
  const otherProcess = (): TokenSource => createTokenSource({ sql: own.service, vault, fetch, hints: new LocalHintBus(), now: Date.now, log: createLog('silent') })
  const tokens = otherProcess()
  const credentials = createCredentials({ vault, secrets, nextId: deps.nextId, fetch, tokens, attempts: new Map(), onChanged })
  const authorizations = createAuthorizations({ database: own, credentials, vault, secrets, tokens, fetch, nextId, baseUrl: 'http://weconnect.test', onChanged })
  const oauth2 = { prefix: '/oauth2', async routes (app: FastifyInstance) { await app.register(oauth2Routes, { authorizations, secure: false }) } }
  const test = await testApp(t, {
    tenantRoutes: [...workflowMounts(services), ...credentialMounts(credentials), oauth2, ...routes],
    publicRoutes: [{ prefix: '/v1/oauth2', async routes (app) { await app.register(oauth2CallbackRoutes, { authorizations }) } }],
    database: own
  })
  const source = createCredentialSource({ sql: own.service, vault, secrets, tokens, hints: new LocalHintBus(), now: Date.now, log: createLog('silent') })
  t.teardown(() => { source.close() })
  const checkSecrets = createSecretCheck({ credentials: source, fetch, address: 'https://hooks.example.org' })
  return {
    ...test,
    changes,
    credentialChanges,
    vault,
    otherProcess,
    async join () {
      const { headers: { authorization }, organizationId, userId } = await register(test.app)
      const call: Call = async (method, url, body, headers = {}) => await test.app.inject({
        method,
        url: `/v1${url}`,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) })
      })
      return { organizationId, userId, call, headers: { authorization } }
    }
  }
}

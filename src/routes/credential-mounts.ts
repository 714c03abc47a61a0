import type { FastifyPluginAsync } from 'fastify'
import { credentialTypes } from '../engine/credentials/index.ts'
import type { CredentialService } from '../services/credentials/index.ts'
import { credentialRoutes } from './credentials.ts'
import { credentialTypeRoutes } from './credential-types.ts'

/** Everything about credentials, for the organization's scope. */
export function credentialMounts (credentials: CredentialService): { prefix: string, routes: FastifyPluginAsync }[] {
  return [
    { prefix: '/credentials', async routes (app) { await app.register(credentialRoutes, { credentials }) } },
    { prefix: '/credential-types', async routes (app) { await app.register(credentialTypeRoutes, { types: credentialTypes }) } }
  ]
}

import type { FastifyPluginAsync } from 'fastify'
import type { NodeRegistry } from '../engine/nodes/registry.ts'
import type { NodePackages } from '../services/node-packages.ts'
import type { WorkflowService } from '../services/workflows/index.ts'
import type { Variables } from '../services/workflows/variables.ts'
import { nodePackageRoutes } from './node-packages.ts'
import { nodeTypeRoutes } from './node-types.ts'
import { variableRoutes } from './variables.ts'
import { workflowPublicationRoutes } from './workflow-publication.ts'
import { workflowCreationRoutes, workflowSavingRoutes } from './workflow-saving.ts'
import { workflowVersionRoutes } from './workflow-versions.ts'
import { workflowRoutes } from './workflows.ts'

interface Services {
  readonly workflows: WorkflowService
  readonly variables: Variables
  readonly registry: NodeRegistry
  readonly packages: NodePackages
}

/** Everything about definitions, for the organization's scope. */
export function workflowMounts ({ workflows, variables, registry, packages }: Services): { prefix: string, routes: FastifyPluginAsync }[] {
  return [
    {
      prefix: '/workflows',
      async routes (app) {
        await app.register(workflowRoutes, { workflows })
        await app.register(workflowCreationRoutes, { workflows })
        await app.register(workflowSavingRoutes, { workflows })
        await app.register(workflowPublicationRoutes, { workflows })
        await app.register(workflowVersionRoutes, { workflows })
        await app.register(variableRoutes, { prefix: '/:id/variables', variables, of: 'workflow' })
      }
    },
    { prefix: '/variables', async routes (app) { await app.register(variableRoutes, { variables, of: 'organization' }) } },
    { prefix: '/node-types', async routes (app) { await app.register(nodeTypeRoutes, { registry, packages }) } },
    { prefix: '/node-packages', async routes (app) { await app.register(nodePackageRoutes, { packages }) } }
  ]
}

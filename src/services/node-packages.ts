import type { TenantDb } from '../db/client.ts'
import { violatedConstraint } from '../db/errors.ts'
import { disablePackage, enablePackage, findPackageUses, listEnabledPackages, NODE_PACKAGE_USED } from '../db/queries/node-packages.ts'
import type { NodePackage } from '../engine/nodes/external/read-package.ts'
import { NodePackageInUse, NotFound } from './problems.ts'
import { auditEntry, userOf, type Caller } from './workflows/dependencies.ts'

export interface NodePackageView {
  readonly name: string
  readonly version: string
  readonly apiVersion: number
  /** The node types in it. */
  readonly types: string[]
  readonly enabled: boolean
  readonly enabledAt: string | null
}

/** The packages that the operator allows, and which of them an organization has enabled. */
export interface NodePackages {
  list (db: TenantDb): Promise<NodePackageView[]>
  enable (caller: Caller, name: string): Promise<NodePackageView>
  disable (caller: Caller, name: string): Promise<void>
  /** Names; asks nobody where there are no packages. */
  enabled (db: TenantDb): Promise<ReadonlySet<string>>
}

const NAMED_USES = 10
const WHAT = 'node package of this name'

export function createNodePackages (packages: readonly NodePackage[], { nextId }: { readonly nextId: () => string }): NodePackages {
  async function list (db: TenantDb): Promise<NodePackageView[]> {
    const rows = packages.length === 0 ? [] : await db.run(async tx => await listEnabledPackages(tx, db.organizationId))
    const since = new Map(rows.map(({ name, enabledAt }) => [name, enabledAt]))
    return packages.map(({ name, version, apiVersion, nodes }) => {
      const enabledAt = since.get(name) ?? null
      return { name, version, apiVersion, types: nodes.map(({ type }) => type), enabled: enabledAt !== null, enabledAt }
    })
  }

  function entryFor (caller: Caller, action: 'nodePackage.enabled' | 'nodePackage.disabled', name: string) {
    if (!packages.some(known => known.name === name)) throw NotFound(WHAT)
    return auditEntry({ nextId }, caller, { action, targetType: 'nodePackage', targetId: name })
  }

  return {
    list,
    async enable (caller, name) {
      const { db } = caller
      const audit = entryFor(caller, 'nodePackage.enabled', name)
      await db.run(async tx => { await enablePackage(tx, db.organizationId, name, userOf(caller), audit) })
      return (await list(db)).find(view => view.name === name)!
    },
    async disable (caller, name) {
      const { db } = caller
      const audit = entryFor(caller, 'nodePackage.disabled', name)
      try {
        await db.run(async tx => { await disablePackage(tx, db.organizationId, name, audit) })
      } catch (error) {
        if (violatedConstraint(error) !== NODE_PACKAGE_USED) throw error
        throw NodePackageInUse(await db.run(async tx => await findPackageUses(tx, db.organizationId, name, NAMED_USES)))
      }
    },
    async enabled (db) {
      if (packages.length === 0) return new Set()
      return new Set((await db.run(async tx => await listEnabledPackages(tx, db.organizationId))).map(({ name }) => name))
    }
  }
}

import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { SYSTEM } from '../services/audit.ts'
import { ensureLocalOwner, ensureOwner, type LocalOwner } from '../services/identity/first-start.ts'
import type { Runtime } from './runtime.ts'

/** The examples, from src/runtime as well as from dist/runtime. */
export const EXAMPLES_FOLDER = fileURLToPath(new URL('../../examples', import.meta.url))

/**
 * On an empty database: the owner that the configuration names, or, on the embedded default, a local one with an
 * API key and the example workflows. There is no default password.
 * @returns what is to be shown once, on the first start of the embedded default
 */
export async function firstStart (runtime: Runtime): Promise<LocalOwner | undefined> {
  const { config, database, identity, log, nextId } = runtime
  if (config.owner !== null) {
    if (await ensureOwner(identity, config.owner)) log.info({ email: config.owner.email }, 'Created the owner that WECONNECT_OWNER_EMAIL names')
    return undefined
  }
  if (!database.embedded) return undefined
  const owner = await ensureLocalOwner(identity, { dataDir: config.dataDir, nextId })
  if (owner === null) return undefined
  await publishExamples(runtime, owner.organizationId)
  return owner
}

/** Imports and publishes every workflow in `examples/`; returns their ids by file name, without its ending. */
export async function publishExamples ({ database, workflows }: Runtime, organizationId: string): Promise<Map<string, string>> {
  const caller = { db: database.tenant(organizationId), origin: SYSTEM }
  const published = new Map<string, string>()
  const files = (await readdir(EXAMPLES_FOLDER)).filter(name => name.endsWith('.json')).sort()
  for (const file of files) {
    const { value } = await workflows.import(caller, JSON.parse(await readFile(`${EXAMPLES_FOLDER}/${file}`, 'utf8')))
    await workflows.publish(caller, { id: value.id, version: undefined, precondition: undefined })
    published.set(file.slice(0, -'.json'.length), value.id)
  }
  return published
}

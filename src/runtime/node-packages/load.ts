import { register } from 'node:module'
import { readPackage, type NodePackage } from '../../engine/nodes/external/read-package.ts'
import { DeadlineError, withDeadline } from '../../lib/deadline.ts'
import { locatePackage } from './locate.ts'

/** Everything that is wrong with the packages that the operator lists, at once. */
export class NodePackagesError extends Error {
  readonly problems: readonly string[]

  constructor (problems: readonly string[]) {
    super(`WeConnect cannot start with these node packages (WECONNECT_NODE_PACKAGES):\n${problems.map(problem => `  ${problem}.`).join('\n')}`)
    this.name = 'NodePackagesError'
    this.problems = problems
  }
}

// The same place from src/runtime/node-packages as from dist/runtime/node-packages.
const INTERFACE = new URL('../../../interface/node.js', import.meta.url).href

/** milliseconds */
const PATIENCE = 30_000

/**
 * Loads the packages that the operator allows: names of installed ones, or paths. Their code runs in this process with
 * all that it may do. Throws NodePackagesError.
 * @param patience milliseconds that each may take
 */
export async function loadNodePackages (listed: readonly string[], patience = PATIENCE): Promise<NodePackage[]> {
  if (listed.length === 0) return []
  register(new URL('./interface-hook.js', import.meta.url), { data: { address: INTERFACE } })
  const problems: string[] = []
  const packages: NodePackage[] = []
  for (const one of listed) {
    const found = await load(one, patience)
    if ('problems' in found) problems.push(...found.problems.map(problem => `${one}: ${problem}`))
    else packages.push(found.package)
  }
  packages.forEach(({ name }, index) => {
    if (packages.findIndex(other => other.name === name) < index) problems.push(`${name} is listed twice: node types of the same name would stand for different things`)
  })
  if (problems.length > 0) throw new NodePackagesError(problems)
  return packages
}

async function load (listed: string, patience: number): ReturnType<typeof attempt> {
  try {
    return await withDeadline(patience, attempt(listed))
  } catch (error) {
    if (error instanceof DeadlineError) return { problems: [`could not be loaded within ${patience} ms: its top level waits for something that does not come`] }
    return { problems: [`could not be loaded: ${error instanceof Error ? error.message.split('\n')[0]! : String(error)}`] }
  }
}

async function attempt (listed: string): Promise<{ readonly package: NodePackage } | { readonly problems: readonly string[] }> {
  const { entry, name, version } = await locatePackage(listed)
  return readPackage({ name, version, exported: await import(entry) as Record<string, unknown> })
}

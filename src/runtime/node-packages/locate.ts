import { readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export interface LocatedPackage {
  /** What to import */
  readonly entry: string
  readonly name: string
  readonly version: string
}

interface Manifest {
  readonly name?: unknown
  readonly version?: unknown
  readonly main?: unknown
  readonly exports?: unknown
}

/** Finds a package by its path, or by its name as WeConnect itself would import it. Throws where there is none. */
export async function locatePackage (listed: string): Promise<LocatedPackage> {
  const isPath = isAbsolute(listed) || listed.startsWith('./') || listed.startsWith('../')
  return isPath ? await byPath(resolve(listed)) : await byName(listed)
}

async function byPath (path: string): Promise<LocatedPackage> {
  if (!(await stat(path)).isDirectory()) throw new Error('it is a file; name the folder with its package.json')
  const manifest = await readManifest(path)
  if (manifest === undefined) throw new Error('it has no package.json')
  return { entry: pathToFileURL(join(path, entryOf(manifest))).href, ...identityOf(manifest) }
}

async function byName (name: string): Promise<LocatedPackage> {
  const entry = import.meta.resolve(name)
  for (let folder = dirname(fileURLToPath(entry)); ; folder = dirname(folder)) {
    const manifest = await readManifest(folder)
    if (manifest?.name === name) return { entry, ...identityOf(manifest) }
    if (folder === dirname(folder)) throw new Error('no package.json of that name stands above what it exports')
  }
}

async function readManifest (folder: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The file behind the package's own name: of `exports` the forms that packages of one entry have. */
function entryOf ({ exports, main }: Manifest): string {
  const root = isObject(exports) && '.' in exports ? exports['.'] : exports
  const chosen = isObject(root) ? root['import'] ?? root['default'] : root
  if (typeof chosen === 'string') return chosen
  return typeof main === 'string' ? main : 'index.js'
}

const NAME = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/

function identityOf ({ name, version }: Manifest): { name: string, version: string } {
  if (typeof name !== 'string' || !NAME.test(name)) throw new Error('its package.json has no valid name')
  if (typeof version !== 'string' || version === '') throw new Error('its package.json has no version')
  return { name, version }
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packDirectory } from './archive.ts'

/** The same from `src/db/embedded` and from `dist/db/embedded`. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const MIGRATIONS = join(ROOT, 'drizzle')
export const SEED_DIRECTORY = join(ROOT, 'dist', 'seed')

/** Raised when what a seed contains changes for a reason other than PGlite or the migrations. */
const FORMAT = 1

/**
 * Where the seed for this program lies, if it has been built: an initialised data directory with all migrations applied. Its
 * name is a hash of the version of PGlite and of the migrations, so one of another program is never taken.
 */
export async function seedFile (directory = SEED_DIRECTORY): Promise<string> {
  const hash = createHash('sha256')
  hash.update(`${FORMAT}\0${await pgliteVersion()}\0`)
  for (const name of await migrationFiles()) {
    hash.update(`${name}\0`).update(await readFile(join(MIGRATIONS, name))).update('\0')
  }
  return join(directory, `${hash.digest('hex').slice(0, 16)}.tar.gz`)
}

async function migrationFiles (): Promise<string[]> {
  if (!existsSync(MIGRATIONS)) return []
  const entries = await readdir(MIGRATIONS, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile() && /\.(sql|json)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name).slice(MIGRATIONS.length + 1)).sort()
}

async function pgliteVersion (): Promise<string> {
  // The package does not export its package.json.
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const { version } = JSON.parse(await readFile(join(dirname(main), '..', 'package.json'), 'utf8')) as { version: string }
  return version
}

/** Packs a closed data directory; a reader sees the old file or the whole new one. */
export async function packSeed (pgdata: string, outFile: string): Promise<void> {
  await mkdir(dirname(outFile), { recursive: true })
  const draft = `${outFile}.${randomUUID()}`
  try {
    await packDirectory(pgdata, draft)
    await rename(draft, outFile)
  } finally {
    await rm(draft, { force: true })
  }
}

import { randomBytes } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../../lib/problem.ts'
import { Conflict } from '../problems.ts'
import type { Identity } from './identity.ts'
import { slugOf } from './slug.ts'
import { apiKeyText, createSecret } from './tokens.ts'

export const API_KEY_FILE = 'api-key'
const LOCAL_EMAIL = 'owner@weconnect.local'

/** What a first start of the embedded default has to show, once. */
export interface LocalOwner {
  readonly email: string
  readonly password: string
  readonly organizationId: string
  readonly userId: string
  readonly organizationSlug: string
  readonly apiKey: string
  readonly apiKeyFile: string
}

/**
 * Creates the owner that the configuration names, on an empty database only. True if it did.
 * Any number of processes may call it at once: one creates.
 */
export async function ensureOwner (identity: Identity, { email, password }: { email: string, password: string }): Promise<boolean> {
  if (await identity.accounts.hasAny()) return false
  const name = email.split('@')[0] ?? email
  return await createFirstOwner(identity, { email, password, name, organizationName: name, slug: slugOf(name) }) !== null
}

/** For the embedded default: an owner, the organization "Local" and an API key in the data directory. Null if there is a user already. */
export async function ensureLocalOwner (identity: Identity, { dataDir, nextId }: { dataDir: string, nextId: () => string }): Promise<LocalOwner | null> {
  if (await identity.accounts.hasAny()) return null
  const password = randomBytes(15).toString('base64url')
  const { secret, secretHash } = createSecret()
  const id = nextId()
  const apiKey = apiKeyText(id, secret)
  // The file comes first: a crash in between leaves a key that opens nothing, and the next start makes another.
  const apiKeyFile = await writePrivateFile(dataDir, API_KEY_FILE, `${apiKey}\n`)
  const created = await createFirstOwner(identity, {
    email: LOCAL_EMAIL, password, name: 'Owner', organizationName: 'Local', slug: 'local', apiKey: { id, name: 'Local', secretHash }
  })
  return created === null ? null : { email: LOCAL_EMAIL, password, ...created, organizationSlug: 'local', apiKey, apiKeyFile }
}

async function createFirstOwner (identity: Identity, input: Parameters<Identity['accounts']['createFirstOwner']>[0]) {
  try {
    return await identity.accounts.createFirstOwner(input)
  } catch (error) {
    // Another process was faster with the same address.
    if (error instanceof Problem && error.code === Conflict.code) return null
    throw error
  }
}

/** Appears whole or not at all, readable by its owner only. */
async function writePrivateFile (directory: string, name: string, content: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, name)
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  return path
}

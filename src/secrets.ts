import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Config } from './config.ts'
import { encryptionKeyFault } from './config/secret-strength.ts'

const StoredSecrets = Type.Object({
  jwtSecret: Type.String({ minLength: 32 }),
  encryptionKey: Type.String({ minLength: 43 }),
  previousEncryptionKeys: Type.Optional(Type.Array(Type.String({ minLength: 43 })))
})

interface KeptSecrets {
  readonly jwtSecret: string
  /** 32 bytes: the key that seals the keys of stored credentials. */
  readonly encryptionKey: Buffer
  /** Those that did so before, and open what they sealed. */
  readonly previousKeys: readonly Buffer[]
}

export interface Secrets extends KeptSecrets {
  readonly previousJwtSecrets: readonly string[]
}

/** The configured secrets; what the embedded default lacks is generated once and kept in the data directory. */
export async function resolveSecrets (config: Config): Promise<Secrets> {
  const { jwtSecret, previousJwtSecrets } = config
  const keys = await configuredKeys(config)
  if (jwtSecret !== null && keys !== null) return { jwtSecret, previousJwtSecrets, ...keys }
  const { jwtSecret: ownSecret, ...own } = await loadOrCreateSecrets(config.dataDir)
  return { jwtSecret: jwtSecret ?? ownSecret, previousJwtSecrets, ...(keys ?? { ...own, previousKeys: [...own.previousKeys, ...config.previousEncryptionKeys.map(decoded)] }) }
}

type EncryptionKeys = Pick<Secrets, 'encryptionKey' | 'previousKeys'>

async function configuredKeys ({ encryptionKey, encryptionKeyFile, previousEncryptionKeys }: Config): Promise<EncryptionKeys | null> {
  if (encryptionKeyFile !== null) return await keysOfFile(encryptionKeyFile)
  return encryptionKey === null ? null : { encryptionKey: decoded(encryptionKey), previousKeys: previousEncryptionKeys.map(decoded) }
}

/** A key a line, the one that seals first; lines that begin with # are for people. */
async function keysOfFile (path: string): Promise<EncryptionKeys> {
  const lines = (await readFile(path, 'utf8')).split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
  const fault = lines.map(line => encryptionKeyFault(line, true)).find(one => one !== null)
  const [first, ...others] = lines.map(decoded)
  if (first === undefined || fault !== undefined) throw new Error(`WECONNECT_ENCRYPTION_KEY_FILE: ${path} ${first === undefined ? 'holds no key' : `holds a line that ${fault}`}. Write a key a line, each the output of: openssl rand -base64 32`)
  return { encryptionKey: first, previousKeys: others }
}

function decoded (key: string): Buffer {
  return Buffer.from(key, 'base64')
}

/**
 * Gives the embedded default another key; the ones before stay, to open what they sealed. Only for the one process that holds
 * the data directory.
 */
export async function replaceStoredKey (dataDir: string): Promise<KeptSecrets> {
  const path = join(dataDir, 'secrets.json')
  const { jwtSecret, encryptionKey, previousKeys } = await loadOrCreateSecrets(dataDir)
  const draft = await writeDraft(path, {
    jwtSecret, encryptionKey: randomBytes(32).toString('base64'), previousEncryptionKeys: [encryptionKey, ...previousKeys].map(key => key.toString('base64'))
  })
  await rename(draft, path)
  return await loadOrCreateSecrets(dataDir)
}

/** Any number of processes may call it at once: all get the secrets of the one that was first. */
export async function loadOrCreateSecrets (dataDir: string): Promise<KeptSecrets> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'secrets.json')
  return await read(path) ?? await create(path)
}

async function create (path: string): Promise<KeptSecrets> {
  const fresh: Static<typeof StoredSecrets> = {
    jwtSecret: randomBytes(48).toString('base64'),
    encryptionKey: randomBytes(32).toString('base64')
  }
  const draft = await writeDraft(path, fresh)
  try {
    // A link, unlike a rename, does not replace the file of a process that was faster.
    await link(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
  const secrets = await read(path)
  if (secrets === null) throw new Error(`${path} vanished while WeConnect started; start again`)
  return secrets
}

async function writeDraft (path: string, content: Static<typeof StoredSecrets>): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(JSON.stringify(content, null, 2) + '\n')
    await file.sync()
  } finally {
    await file.close()
  }
  return draft
}

async function read (path: string): Promise<KeptSecrets | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
  await chmod(path, 0o600)
  const stored = parse(text)
  if (stored === null) throw new Error(`${path} is damaged. Restore it from a backup: without its encryption key the stored credentials cannot be read.`)
  return { jwtSecret: stored.jwtSecret, encryptionKey: decoded(stored.encryptionKey), previousKeys: (stored.previousEncryptionKeys ?? []).map(decoded) }
}

function parse (text: string): Static<typeof StoredSecrets> | null {
  try {
    const value: unknown = JSON.parse(text)
    return Value.Check(StoredSecrets, value) && Buffer.from(value.encryptionKey, 'base64').length === 32 ? value : null
  } catch {
    return null
  }
}

function hasCode (error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

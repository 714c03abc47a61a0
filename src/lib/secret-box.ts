import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** Wraps data keys with a key-encryption key that may lie elsewhere; its id is remembered with what it wraps. */
export interface KeyWrapper {
  readonly id: string
  wrap (dataKey: Uint8Array, associated: Uint8Array): Buffer | Promise<Buffer>
  /** Throws SecretBoxError for what it did not wrap, or not for that place. */
  unwrap (wrapped: Uint8Array, associated: Uint8Array): Buffer | Promise<Buffer>
}

/** The key that wraps what is sealed now, and all that may have wrapped what was sealed before. */
export interface Keyring {
  readonly current: KeyWrapper
  readonly all: ReadonlyMap<string, KeyWrapper>
}

/** A secret as it is stored: encrypted with a data key of its own, which is encrypted with a key-encryption key. */
export interface SealedSecret {
  readonly keyId: string
  readonly dataKey: Buffer
  readonly secret: Buffer
}

/** `key`: this process lacks the key-encryption key. `content`: it was changed, or belongs to another place. `away`: who has the key does not answer. */
export type SecretBoxFault = 'key' | 'content' | 'away'

const MESSAGES: Readonly<Record<SecretBoxFault, string>> = {
  key: 'The secret was sealed with a key that is not configured',
  content: 'The secret cannot be opened: it was changed, or moved from another place',
  away: 'The service that has the key does not answer'
}

/** Says nothing of what was, or might have been, inside. */
export class SecretBoxError extends Error {
  readonly fault: SecretBoxFault

  constructor (fault: SecretBoxFault, cause?: unknown) {
    super(MESSAGES[fault], cause === undefined ? undefined : { cause })
    this.name = 'SecretBoxError'
    this.fault = fault
  }
}

const ALGORITHM = 'aes-256-gcm'
const FORMAT = 1
const KEY_BYTES = 32
// NIST SP 800-38D section 8.2: 96 bits. Random ones are safe, since a data key seals once.
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES

/** The first one seals. */
export function createKeyring (...wrappers: readonly [KeyWrapper, ...KeyWrapper[]]): Keyring {
  return { current: wrappers[0], all: new Map(wrappers.map(wrapper => [wrapper.id, wrapper])) }
}

/** @param key 32 bytes. Its id is made from it, so that all processes agree. */
export function localKey (key: Buffer): KeyWrapper {
  return {
    id: keyIdOf(key),
    wrap: (dataKey, associated) => encrypt(key, dataKey, associated),
    unwrap: (wrapped, associated) => decrypt(key, wrapped, associated)
  }
}

/** `place` says whose secret it is, and which: opened anywhere else it fails. */
export async function seal ({ current }: Keyring, plaintext: Uint8Array, place: readonly string[]): Promise<SealedSecret> {
  const dataKey = randomBytes(KEY_BYTES)
  try {
    return {
      keyId: current.id,
      dataKey: await current.wrap(dataKey, associated('key', place)),
      secret: encrypt(dataKey, plaintext, associated('secret', place))
    }
  } finally {
    dataKey.fill(0)
  }
}

/** Throws SecretBoxError; never answers with a part of what was sealed. */
export async function open (keyring: Keyring, { keyId, dataKey, secret }: SealedSecret, place: readonly string[]): Promise<Buffer> {
  const unwrapped = await unwrap(keyring, { keyId, dataKey }, place)
  try {
    return decrypt(unwrapped, secret, associated('secret', place))
  } finally {
    unwrapped.fill(0)
  }
}

/** The same data key under the current key-encryption key: what it sealed stays as it is. Throws SecretBoxError. */
export async function rewrap (keyring: Keyring, sealed: Pick<SealedSecret, 'keyId' | 'dataKey'>, place: readonly string[]): Promise<Pick<SealedSecret, 'keyId' | 'dataKey'>> {
  const unwrapped = await unwrap(keyring, sealed, place)
  try {
    return { keyId: keyring.current.id, dataKey: await keyring.current.wrap(unwrapped, associated('key', place)) }
  } finally {
    unwrapped.fill(0)
  }
}

async function unwrap ({ all }: Keyring, { keyId, dataKey }: Pick<SealedSecret, 'keyId' | 'dataKey'>, place: readonly string[]): Promise<Buffer> {
  const wrapper = all.get(keyId)
  if (wrapper === undefined) throw new SecretBoxError('key')
  const unwrapped = await wrapper.unwrap(dataKey, associated('key', place))
  if (unwrapped.length !== KEY_BYTES) throw new SecretBoxError('content')
  return unwrapped
}

function keyIdOf (key: Buffer): string {
  return createHash('sha256').update('weconnect key id\0').update(key).digest('hex').slice(0, 16)
}

/** As JSON, since joined parts could be cut in more than one way. */
function associated (what: 'key' | 'secret', place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(['weconnect', FORMAT, what, ...place]))
}

/** format (1 byte), nonce, tag, ciphertext */
function encrypt (key: Buffer, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad)
  const content = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), content])
}

function decrypt (key: Buffer, sealed: Uint8Array, aad: Uint8Array): Buffer {
  if (sealed.length < HEAD_BYTES || sealed[0] !== FORMAT) throw new SecretBoxError('content')
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()])
  } catch {
    // The cause says nothing more, and its stack might be logged with what surrounds it.
    throw new SecretBoxError('content')
  }
}

import { constants, createPrivateKey, createPublicKey, sign, timingSafeEqual, verify } from 'node:crypto'
import type { KeyObject, SignKeyObjectInput } from 'node:crypto'
import { NodeError } from '../../node-error.ts'
import type { CryptoParameters } from './crypto.ts'
import { oneWord } from './evaluated.ts'

export const signatureDigests = ['sha256', 'sha384', 'sha512'] as const

type Scheme = Pick<CryptoParameters, 'algorithm' | 'padding' | 'ecFormat'>

const MAX_PEM = 20_000
/** Bits; larger keys take seconds a signature, smaller ones are broken. */
const RSA_BITS = { minimum: 1024, maximum: 8192 }

export function signBytes (bytes: Buffer, parameters: CryptoParameters): Buffer {
  const key = readKey(parameters.privateKey, '/privateKey', createPrivateKey)
  return attempt(() => sign(digestFor(key, parameters), bytes, schemeFor(key, parameters)), '/privateKey')
}

export function verifyBytes (bytes: Buffer, signature: Buffer, parameters: CryptoParameters): boolean {
  const key = readKey(parameters.publicKey, '/publicKey', createPublicKey)
  return attempt(() => verify(digestFor(key, parameters), bytes, schemeFor(key, parameters), signature), '/publicKey')
}

/** In a time that does not tell where they differ. */
export function sameBytes (a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

let lastKey: { pem: string, read: unknown, key: KeyObject } | undefined

// The items of a run share their key, nearly always.
function readKey (pem: unknown, pointer: string, read: (pem: string) => KeyObject): KeyObject {
  if (typeof pem !== 'string' || pem.length > MAX_PEM) throw new NodeError('WC_CRYPTO_KEY', 'This is no key in PEM', { pointer })
  if (lastKey?.pem === pem && lastKey.read === read) return lastKey.key
  const key = attempt(() => read(pem), pointer)
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && (bits < RSA_BITS.minimum || bits > RSA_BITS.maximum)) {
    throw new NodeError('WC_CRYPTO_KEY', `RSA keys have ${RSA_BITS.minimum} to ${RSA_BITS.maximum} bits, and this one ${bits}`, { pointer })
  }
  lastKey = { pem, read, key }
  return key
}

/** What OpenSSL says of a key may show parts of it. */
function attempt<T> (work: () => T, pointer: string): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof NodeError) throw error
    throw new NodeError('WC_CRYPTO_KEY', 'This is no key in PEM that can do this', { pointer })
  }
}

function digestFor ({ asymmetricKeyType }: KeyObject, { algorithm = 'sha256' }: Scheme): string | null {
  if (asymmetricKeyType === 'ed25519' || asymmetricKeyType === 'ed448') return null
  return oneWord(algorithm, '/algorithm', signatureDigests)
}

function schemeFor (key: KeyObject, { padding = 'pkcs1', ecFormat = 'der' }: Scheme): SignKeyObjectInput {
  switch (key.asymmetricKeyType) {
    case 'rsa': return padding === 'pss'
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { key, padding: constants.RSA_PKCS1_PADDING }
    case 'ec': return { key, dsaEncoding: ecFormat }
    default: return { key }
  }
}

import { createHash, createHmac } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { Credential } from '../../credentials/credential-type.ts'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { NodeError } from '../../node-error.ts'
import { fieldPath, writingPathIssues } from '../field-path.ts'
import { withItemIndex } from '../http-errors.ts'
import { defineNode } from '../node-type.ts'
import type { NodeContext, NodeOutcome, ParameterIssue } from '../node-type.ts'
import { parsePath, patchOf } from '../paths.ts'
import { eachItem } from './each-item.ts'
import { bytesOf, encodings, textFrom } from './encodings.ts'
import { oneWord, wholeNumber } from './evaluated.ts'
import { sameBytes, signBytes, signatureDigests, verifyBytes } from './signatures.ts'
import { makeUuid, uuidVersions } from './uuid.ts'

const operations = ['hash', 'hmac', 'sign', 'verify', 'randomBytes', 'uuid'] as const
const digests = ['sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512', 'blake2b512', 'sha1', 'md5'] as const
const DEFAULT_FIELD = 'result'
const DEFAULT_SIZE = 32
const SIZES = { minimum: 1, maximum: 4096 }
const secret = { 'x-secret': true }

const CryptoParameters = Type.Object({
  operation: Type.Optional(oneOf(operations, {
    title: 'Operation',
    description: 'hash; hmac: with a secret; sign: with a private key; verify: whether a signature of sign or hmac is right; randomBytes; uuid.',
    default: 'hash',
    ...STATIC
  })),
  value: Type.Optional(anyValue({ title: 'Value', description: 'hash, hmac, sign, verify: what of. What is not text is written as JSON.', examples: ['{{ $json.email }}'] })),
  valueEncoding: Type.Optional(oneOf(['utf8', ...encodings], { title: 'Encoding of the value', description: 'How its text stands for bytes.', default: 'utf8', ...STATIC })),
  algorithm: Type.Optional(oneOf(digests, { title: 'Algorithm', description: 'The digest. sign and verify know sha256, sha384 and sha512, and none matters to Ed25519 keys. sha1 and md5 are broken, and here for old systems only.', default: 'sha256', ...STATIC })),
  secret: Type.Optional(Type.String({ title: 'Secret', description: 'hmac, and verify of one. Better: a credential.', examples: ['{{ $json.secret }}'], ...secret })),
  secretEncoding: Type.Optional(oneOf(['utf8', ...encodings], { title: 'Encoding of the secret', description: 'How the text of the secret stands for bytes.', default: 'utf8', ...STATIC })),
  privateKey: Type.Optional(Type.String({ title: 'Private key', description: 'sign: RSA, EC or Ed25519, as PEM. Better: a credential.', examples: ['{{ $json.privateKey }}'], ...secret })),
  publicKey: Type.Optional(Type.String({ title: 'Public key', description: 'verify: that of the signer, as PEM.' })),
  signature: Type.Optional(Type.String({ title: 'Signature', description: 'verify: the one to test.' })),
  padding: Type.Optional(oneOf(['pkcs1', 'pss'], { title: 'Padding', description: 'sign, verify: with RSA keys.', default: 'pkcs1', ...STATIC })),
  ecFormat: Type.Optional(oneOf(['der', 'ieee-p1363'], { title: 'Form of EC signatures', description: 'sign, verify: with EC keys; ieee-p1363 is that of JSON Web Tokens.', default: 'der', ...STATIC })),
  size: Type.Optional(Type.Integer({ title: 'Size', description: 'randomBytes: how many bytes.', ...SIZES, default: DEFAULT_SIZE })),
  version: Type.Optional(oneOf(uuidVersions, { title: 'Version', description: 'uuid: v4 is random, v7 begins with the time, v5 always comes out the same for one name.', default: 'v4', ...STATIC })),
  name: Type.Optional(Type.String({ title: 'Name', description: 'uuid v5: what it is of.', examples: ['{{ $json.orderId }}'] })),
  namespace: Type.Optional(Type.String({ title: 'Namespace', description: 'uuid v5: a UUID, by default that of URLs.', examples: ['6ba7b811-9dad-11d1-80b4-00c04fd430c8'] })),
  encoding: Type.Optional(oneOf(encodings, { title: 'Encoding', description: 'Of the result, and of the signature that is verified.', default: 'hex', ...STATIC })),
  field: Type.Optional(fieldPath('Field', 'Where the result goes.', { default: DEFAULT_FIELD, examples: ['signature'] }))
}, { additionalProperties: false })

export type CryptoParameters = Static<typeof CryptoParameters>

export const crypto = defineNode({
  type: 'crypto',
  title: 'Crypto',
  description: 'Hashes, signs and verifies; makes random bytes and UUIDs.',
  icon: 'key-round',
  category: 'data',
  effects: 'none',
  parameters: CryptoParameters,
  credentials: ['signingKey', 'webhookSecret'],
  check: (parameters, node) => checkCrypto(parameters as CryptoParameters, node?.credentialId !== undefined),
  run (context) {
    if (context.items.length === 0 || !usesCredential(firstOf(context))) return work(context, undefined)
    return context.credential().then(async credential => await work(context, credential))
  }
})

function work (context: NodeContext<CryptoParameters>, credential: Credential | undefined): NodeOutcome | Promise<NodeOutcome> {
  return eachItem(context, (parameters, { json }, from) => {
    const path = parsePath(parameters.field ?? DEFAULT_FIELD)
    return { from, patch: patchOf(json, [[path, resultOf(withKeys(parameters, credential), context)]]) }
  })
}

/** The operation is the same for all items, and so is whether they bring a key. */
function firstOf (context: NodeContext<CryptoParameters>): CryptoParameters {
  try {
    return context.parameters(0)
  } catch (error) {
    throw withItemIndex(error, 0)
  }
}

const KEYED: ReadonlySet<string> = new Set(['hmac', 'sign', 'verify'])

function usesCredential ({ operation = 'hash', secret, privateKey, publicKey }: CryptoParameters): boolean {
  return KEYED.has(operation) && secret === undefined && privateKey === undefined && publicKey === undefined
}

interface KeyedParameters extends CryptoParameters {
  /** Any of them may have signed; the first one signs. */
  readonly secrets?: readonly string[]
}

function withKeys (parameters: CryptoParameters, credential: Credential | undefined): KeyedParameters {
  if (credential === undefined || !usesCredential(parameters)) return parameters
  const { secret, secrets, secretEncoding, privateKey } = credential.data as { secret?: string, secrets?: string[], secretEncoding?: CryptoParameters['secretEncoding'], privateKey?: string }
  if (parameters.operation === 'sign') return privateKey === undefined ? parameters : { ...parameters, privateKey }
  const all = secrets ?? (secret === undefined ? [] : [secret])
  if (all.length > 0) return { ...parameters, secrets: all, secret: all[0]!, ...(secretEncoding !== undefined && { secretEncoding }) }
  // Of a private key the public one is known.
  return privateKey === undefined || parameters.operation === 'hmac' ? parameters : { ...parameters, publicKey: privateKey }
}

function resultOf (parameters: KeyedParameters, context: NodeContext<CryptoParameters>): unknown {
  const { operation = 'hash', algorithm = 'sha256', encoding = 'hex' } = parameters
  const value = (): Buffer => bytesOf(parameters.value, parameters.valueEncoding, '/value')
  switch (operation) {
    case 'hash': return textFrom(createHash(algorithm).update(value()).digest(), encoding)
    case 'hmac': return textFrom(hmacOf(value(), parameters), encoding)
    case 'sign': return textFrom(signBytes(value(), parameters), encoding)
    case 'verify': {
      const signature = bytesOf(parameters.signature, encoding, '/signature')
      if (parameters.publicKey !== undefined) return verifyBytes(value(), signature, parameters)
      const { secrets = [parameters.secret] } = parameters
      return secrets.some(secret => sameBytes(hmacOf(value(), { ...parameters, secret: secret as string }), signature))
    }
    case 'randomBytes': return textFrom(context.randomBytes(wholeNumber(parameters.size ?? DEFAULT_SIZE, '/size', SIZES)), encoding)
    case 'uuid': return makeUuid(parameters, context)
  }
}

function hmacOf (value: Buffer, { algorithm = 'sha256', secret, secretEncoding }: CryptoParameters): Buffer {
  // An HMAC with an empty key is one that anybody can make: more likely a variable that is not set than a wish.
  if (secret === undefined || secret === null || secret === '') throw new NodeError('WC_CRYPTO_KEY', 'The secret is empty', { pointer: '/secret' })
  return createHmac(oneWord(algorithm, '/algorithm', digests), bytesOf(secret, secretEncoding, '/secret')).update(value).digest()
}

const KEYS: ReadonlySet<string> = new Set(['secret', 'privateKey'])
const needs: Readonly<Record<typeof operations[number], readonly (keyof CryptoParameters)[]>> = {
  hash: ['value'], hmac: ['value', 'secret'], sign: ['value', 'privateKey'], verify: ['value', 'signature'], randomBytes: [], uuid: []
}

function checkCrypto (parameters: CryptoParameters, hasCredential: boolean): readonly ParameterIssue[] {
  const { operation = 'hash', algorithm = 'sha256', version, field } = parameters
  const issues: ParameterIssue[] = [...writingPathIssues(field, '/field')]
  const report = (pointer: string, message: string): void => { issues.push({ pointer, message, code: 'WC_CRYPTO' }) }
  const given = (name: keyof CryptoParameters): boolean => parameters[name] !== undefined || (hasCredential && KEYS.has(name))
  for (const name of needs[operation]) if (!given(name)) report(`/${name}`, `${operation} needs ${name}${KEYS.has(name) ? ', or a credential that holds it' : ''}`)
  const keys = [parameters.publicKey !== undefined, parameters.secret !== undefined, hasCredential].filter(Boolean).length
  if (operation === 'verify' && keys !== 1) report('/publicKey', 'verify needs either publicKey or secret, or a credential')
  const isBySignature = operation === 'sign' || (operation === 'verify' && parameters.publicKey !== undefined)
  if (isBySignature && !signatureDigests.some(known => known === algorithm)) report('/algorithm', `${operation} knows ${signatureDigests.join(', ')}`)
  if (operation === 'uuid' && version === 'v5' && parameters.name === undefined) report('/name', 'a UUID of version 5 needs a name')
  for (const name of ['secret', 'privateKey'] as const) {
    if (parameters[name] === undefined || parameters[name].includes('{{')) continue
    issues.push({ pointer: `/${name}`, message: 'this stands in the workflow for all who may read it; keep it in a credential', code: 'WC_CRYPTO_SECRET_INLINE', severity: 'warning' })
  }
  return issues
}

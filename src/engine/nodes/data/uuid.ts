import { createHash } from 'node:crypto'
import { NodeError } from '../../node-error.ts'
import type { NodeContext } from '../node-type.ts'
import type { CryptoParameters } from './crypto.ts'
import { textOf } from './evaluated.ts'

export const uuidVersions = ['v4', 'v7', 'v5'] as const

/** Of URLs (RFC 9562 section 6.6). */
const URL_NAMESPACE = '6ba7b811-9dad-11d1-80b4-00c04fd430c8'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const MAX_NAME = 65_536

/** RFC 9562. */
export function makeUuid ({ version = 'v4', name, namespace = URL_NAMESPACE }: CryptoParameters, { randomBytes, now }: Pick<NodeContext<unknown>, 'randomBytes' | 'now'>): string {
  switch (version) {
    case 'v4': return format(Buffer.from(randomBytes(16)), 4)
    case 'v5': {
      if (typeof namespace !== 'string' || !UUID.test(namespace)) throw new NodeError('WC_PARAMETER', 'The namespace must be a UUID', { pointer: '/namespace' })
      if (name === undefined || name === null) throw new NodeError('WC_PARAMETER', 'A UUID of version 5 needs a name', { pointer: '/name' })
      const hash = createHash('sha1').update(Buffer.from(namespace.replaceAll('-', ''), 'hex')).update(textOf(name, '/name', MAX_NAME)).digest()
      return format(hash.subarray(0, 16), 5)
    }
    case 'v7': {
      const bytes = Buffer.from(randomBytes(16))
      bytes.writeUIntBE(now(), 0, 6)
      return format(bytes, 7)
    }
  }
}

function format (bytes: Buffer, version: number): string {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { isId } from '../lib/ids.ts'

/** What a link answers. */
export interface AnswerTarget {
  readonly executionId: string
  readonly nodeId: string
  readonly run: number
  /** What an approval's link decides; a callback has none. */
  readonly choice: string | undefined
}

export interface AnswerLinks {
  url (target: AnswerTarget): string
  /** Undefined for a token that was not made here. */
  open (token: string): AnswerTarget | undefined
}

const KEY_BYTES = 32
const MAC_BYTES = 16
const ID_BYTES = 16
const HEAD_BYTES = ID_BYTES + 4 + 1
/** 300 bytes in base64url, and room to spare. */
const TOKEN = /^[A-Za-z0-9_-]{40,400}$/

/**
 * Links that answer a waiting execution. Whoever holds one may answer once, and nobody can make one: it is signed with a
 * key of its own, derived from the encryption key (RFC 5869); those that were signed with an earlier one stay good.
 * `baseUrl` is where clients reach the service.
 */
export function createAnswerLinks ([current, ...previous]: readonly [Uint8Array, ...Uint8Array[]], baseUrl: string): AnswerLinks {
  const derive = (encryptionKey: Uint8Array): Buffer => Buffer.from(hkdfSync('sha256', encryptionKey, Buffer.alloc(0), 'weconnect answer links 1', KEY_BYTES))
  const key = derive(current)
  const keys = [key, ...previous.map(derive)]
  const sign = (content: Uint8Array, signing = key): Buffer => createHmac('sha256', signing).update(content).digest().subarray(0, MAC_BYTES)

  return {
    url (target) {
      const content = encode(target)
      const token = Buffer.concat([sign(content), content]).toString('base64url')
      return `${baseUrl}/v1/${target.choice === undefined ? 'resume' : 'approvals'}/${token}`
    },
    open (token) {
      if (!TOKEN.test(token)) return undefined
      const bytes = Buffer.from(token, 'base64url')
      const content = bytes.subarray(MAC_BYTES)
      // Encoded again it must be the same text: base64url has several spellings for the last bits.
      if (bytes.length <= MAC_BYTES + HEAD_BYTES || bytes.toString('base64url') !== token) return undefined
      return keys.some(one => timingSafeEqual(sign(content, one), bytes.subarray(0, MAC_BYTES))) ? decode(content) : undefined
    }
  }
}

function encode ({ executionId, nodeId, run, choice = '' }: AnswerTarget): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.write(executionId.replaceAll('-', ''), 'hex')
  head.writeUInt32BE(run, ID_BYTES)
  head.writeUInt8(Buffer.byteLength(nodeId), ID_BYTES + 4)
  return Buffer.concat([head, Buffer.from(nodeId), Buffer.from(choice)])
}

function decode (content: Buffer): AnswerTarget | undefined {
  const hex = content.toString('hex', 0, ID_BYTES)
  const executionId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  const end = HEAD_BYTES + content.readUInt8(ID_BYTES + 4)
  const choice = content.toString('utf8', end)
  if (!isId(executionId)) return undefined
  return { executionId, nodeId: content.toString('utf8', HEAD_BYTES, end), run: content.readUInt32BE(ID_BYTES), choice: choice === '' ? undefined : choice }
}

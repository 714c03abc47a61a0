import { NodeError } from '../../node-error.ts'
import { textOf } from './evaluated.ts'

export const encodings = ['hex', 'base64', 'base64url'] as const

export type Encoding = typeof encodings[number]

const MAX_TEXT = 16 * 1024 * 1024

// Buffer skips what does not fit, and so would sign something else than was meant. One class each: linear.
const VALID: Readonly<Record<Encoding, RegExp>> = {
  hex: /^[0-9a-fA-F]*$/,
  base64: /^[A-Za-z0-9+/]*={0,2}$/,
  base64url: /^[A-Za-z0-9_-]*={0,2}$/
}

/** The bytes that text stands for. Throws NodeError (WC_CRYPTO_ENCODING) where it does not. */
export function bytesOf (value: unknown, encoding: 'utf8' | Encoding = 'utf8', pointer: string): Buffer {
  const text = textOf(value, pointer, MAX_TEXT)
  if (encoding === 'utf8') return Buffer.from(text, 'utf8')
  const isComplete = encoding === 'hex' ? text.length % 2 === 0 : unpadded(text) % 4 !== 1
  if (isComplete && VALID[encoding].test(text)) return Buffer.from(text, encoding)
  throw new NodeError('WC_CRYPTO_ENCODING', `This is not text in ${encoding}`, { pointer })
}

export function textFrom (bytes: Uint8Array, encoding: Encoding): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding)
}

/** Characters before the padding, of which there are two at most. */
function unpadded (text: string): number {
  return text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
}

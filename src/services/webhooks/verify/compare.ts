import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** Whether texts are equal, in a time that says nothing of where they differ. */
export function sameText (left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right))
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

export type SignatureEncoding = 'hex' | 'base64' | 'base64url'

/** What one key makes of the parts, as senders write it: base64 without its padding. */
export function signatureOf (algorithm: string, key: string | Uint8Array, parts: ReadonlyArray<string | Uint8Array>, encoding: SignatureEncoding): string {
  const hmac = createHmac(algorithm, key)
  for (const part of parts) hmac.update(part)
  return canonical(hmac.digest(encoding), encoding)
}

/** Signatures that differ in spelling only are one. */
export function canonical (signature: string, encoding: SignatureEncoding): string {
  return encoding === 'hex' ? signature.toLowerCase() : signature.replace(/={1,2}$/, '')
}

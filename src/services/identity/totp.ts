import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** RFC 6238 with what every authenticator understands: SHA-1, six digits, thirty seconds. */
const PERIOD = 30_000
const DIGITS = 6
/** RFC 4226, section 4: 160 bits. */
const SECRET_BYTES = 20
/** Periods before and after the present one: clocks differ. */
const TOLERANCE = 1
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export function createTotpSecret (): Buffer {
  return randomBytes(SECRET_BYTES)
}

/** What people type into an authenticator that cannot read the address (RFC 4648). */
export function base32 (bytes: Uint8Array): string {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map(group => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)]).join('')
}

/** For a QR code. */
export function otpauthUrl (secret: Uint8Array, account: string): string {
  return `otpauth://totp/${encodeURIComponent(`WeConnect:${account}`)}?secret=${base32(secret)}&issuer=WeConnect&algorithm=SHA1&digits=${DIGITS}&period=${PERIOD / 1000}`
}

/** The code of one period (RFC 4226, section 5.3). */
export function totpCode (secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac('sha1', secret).update(counter).digest()
  const offset = digest[digest.length - 1]! & 0xf
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** DIGITS).padStart(DIGITS, '0')
}

/** The period in which this code is good, behind `after`; null if there is none. Takes the same time for all codes. */
export function totpStep (secret: Uint8Array, code: string, now: number, after: number): number | null {
  const present = Math.floor(now / PERIOD)
  let found: number | null = null
  for (let step = present - TOLERANCE; step <= present + TOLERANCE; step++) {
    const matches = timingSafeEqual(Buffer.from(totpCode(secret, step)), Buffer.from(code.padEnd(DIGITS).slice(0, DIGITS)))
    if (matches && code.length === DIGITS && step > after) found = step
  }
  return found
}

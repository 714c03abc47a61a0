import { randomFillSync } from 'node:crypto'

/** Milliseconds since the epoch, as the database sees them. */
export type Clock = () => number

export const NIL_ID = '00000000-0000-0000-0000-000000000000'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const DIGITS = '0123456789abcdef'
/** Hexadecimal digits of the 12-bit counter. */
const COUNTERS = Array.from({ length: 0x1000 }, (_, counter) => counter.toString(16).padStart(3, '0'))
const POOL_SIZE = 4096
const RANDOM_BYTES = 8

/**
 * UUIDv7 (RFC 9562): 48 bits of milliseconds, a 12-bit counter, 62 random bits. Ids of one source
 * rise strictly, also within a millisecond and when the clock steps back.
 */
export function createIdSource (clock: Clock): () => string {
  const pool = Buffer.alloc(POOL_SIZE)
  let poolHex = ''
  let used = POOL_SIZE
  let lastTime = 0
  let prefix = timePrefix(0) + '-7'
  let counter = 0

  function startAt (time: number): void {
    lastTime = time
    prefix = timePrefix(time) + '-7'
    counter = 0
  }

  return function nextId () {
    const now = Math.floor(clock())
    if (now > lastTime) startAt(now)
    else if (++counter > 0xfff) startAt(lastTime + 1)
    if (used + RANDOM_BYTES > POOL_SIZE) {
      poolHex = randomFillSync(pool).toString('hex')
      used = 0
    }
    const at = used
    const hexAt = 2 * at
    used += RANDOM_BYTES
    // Few parts: each that is added is a string of its own until the whole is looked at.
    return prefix + COUNTERS[counter]! + '-' + HEX[(pool[at]! & 0x3f) | 0x80]! +
      poolHex.slice(hexAt + 2, hexAt + 4) + '-' + poolHex.slice(hexAt + 4, hexAt + 16)
  }
}

function timePrefix (milliseconds: number): string {
  const hex = milliseconds.toString(16).padStart(12, '0')
  return hex.slice(0, 8) + '-' + hex.slice(8)
}

/** A UUIDv7 of a moment whose other bits are the first of these bytes, 10 or more. */
export function uuidOf (milliseconds: number, bytes: Uint8Array): string {
  const byte = (at: number): string => HEX[bytes[at]!]!
  return `${timePrefix(Math.max(0, Math.floor(milliseconds)))}-7${DIGITS[bytes[0]! & 0xf]!}${byte(1)}-${HEX[(bytes[2]! & 0x3f) | 0x80]!}${byte(3)}-` +
    byte(4) + byte(5) + byte(6) + byte(7) + byte(8) + byte(9)
}

/** The smallest UUIDv7 of a moment: a bound for ranges of ids. */
export function firstIdAt (milliseconds: number): string {
  return timePrefix(Math.max(0, Math.floor(milliseconds))) + '-7000-8000-000000000000'
}

/** The moment an id was made, in milliseconds since the epoch. */
export function idTime (id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function isId (text: string): boolean {
  return UUID.test(text)
}

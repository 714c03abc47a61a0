import { canonical, sameText, signatureOf, type SignatureEncoding } from './compare.ts'
import { UnusableSecret, type SignedRequest, type Verifier } from './signed-request.ts'

/** What a request says of its own signature. */
export interface Claim {
  /** Any of them may be good: senders that change their secret sign with both. */
  readonly signatures: readonly string[]
  readonly signed: ReadonlyArray<string | Uint8Array>
  /** Seconds since the epoch, where the sender signs a time; as it was written. */
  readonly timestamp?: string
}

/** How a sender signs with a shared secret (RFC 2104). */
export interface HmacScheme {
  readonly algorithm: string
  readonly encoding: SignatureEncoding
  /** The key that a secret stands for; undefined where it stands for none. */
  readonly keyOf: (secret: string) => string | Uint8Array | undefined
  /** Undefined where the request claims nothing. */
  readonly read: (request: SignedRequest) => Claim | undefined
}

/** More than any sender has secrets: whoever sends hundreds only makes work. */
const MAX_SIGNATURES = 32

/** @param tolerance milliseconds that a signed time may be away from now, in both directions */
export function hmacVerifier ({ algorithm, encoding, keyOf, read }: HmacScheme, secrets: readonly string[], tolerance: number): Verifier {
  const keys = secrets.map(keyOf).filter(key => key !== undefined)
  if (keys.length === 0) throw new UnusableSecret('holds no secret of the form that this preset needs')
  return (request, now) => {
    const claim = read(request)
    if (claim === undefined) return 'missing'
    const claimed = claim.signatures.slice(0, MAX_SIGNATURES).map(signature => canonical(signature, encoding))
    let good = false
    for (const key of keys) {
      const expected = signatureOf(algorithm, key, claim.signed, encoding)
      for (const signature of claimed) good = sameText(expected, signature) || good
    }
    if (!good) return 'invalid'
    return claim.timestamp === undefined || isNear(claim.timestamp, now, tolerance) ? undefined : 'late'
  }
}

function isNear (timestamp: string, now: number, tolerance: number): boolean {
  return /^[0-9]{1,15}$/.test(timestamp) && Math.abs(Number(timestamp) * 1000 - now) <= tolerance
}

import type { IncomingHttpHeaders } from 'node:http'

/** What a sender proves itself with: a request as it came over the wire. */
export interface SignedRequest {
  readonly slug: string
  readonly method: string
  /** Percent-encoded, without a slash at its start. */
  readonly path: string
  /** Without the question mark. */
  readonly queryText: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** Why a request is not believed: it shows no proof, a wrong one, or a good one from another time. */
export type Refusal = 'missing' | 'invalid' | 'late'

/** @param now milliseconds since the epoch */
export type Verifier = (request: SignedRequest, now: number) => Refusal | undefined | Promise<Refusal | undefined>

/** The credential holds nothing that this way of verifying can use. The message is for whoever publishes. */
export class UnusableSecret extends Error {}

/** One value: of a header that came several times, what Node joined. */
export function headerOf ({ headers }: Pick<SignedRequest, 'headers'>, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

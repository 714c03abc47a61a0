export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
  readonly passphrase?: string
}

export interface Pace {
  readonly requests: number
  /** milliseconds */
  readonly per: number
}

/** A body that is read while it is sent. */
export interface StreamedBody {
  /** bytes */
  readonly size: number
  /** From its beginning: a redirect may ask for it again. What the source throws is what the request rejects with. */
  open (): AsyncIterable<Uint8Array>
}

export interface ResponseHead {
  readonly status: number
  /** Where the answer came from, after redirects. */
  readonly url: string
  /** Lower-case names; repeated headers joined by ", " (set-cookie by newline). */
  readonly headers: Readonly<Record<string, string>>
}

export interface OutgoingRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Names of headers, in lower case, that carry credentials: a redirect to another origin takes none of them along. */
  readonly secretHeaders?: readonly string[]
  readonly body?: string | Uint8Array | StreamedBody
  /** milliseconds, for the whole exchange: look-up, connection, redirects and body */
  readonly timeout: number
  /** bytes, of the body as received and of the body as decompressed */
  readonly maxResponseSize: number
  /** How many redirects to follow; with 0 the redirect itself is the answer. */
  readonly followRedirects: number
  readonly allowUnauthorizedCerts?: boolean
  /** PEM: whose certificates are good, in place of the well-known authorities. */
  readonly ca?: string
  /** PEM: whom to be where the far side asks for a certificate. */
  readonly clientCertificate?: ClientCertificate
  /** The URL of a proxy to go through, which must be public itself; else the operator's, where there is one. */
  readonly proxy?: string
  /** How many requests to its host may begin within how many milliseconds; whoever paces requests looks at it. */
  readonly pace?: Pace
  /**
   * Gives what takes the body of an answer with such a head as it arrives, decompressed, where it shall not be collected;
   * undefined: it is, up to 10 MB.
   * What that throws is what the request rejects with.
   */
  readonly sink?: (head: ResponseHead) => ((body: AsyncIterable<Uint8Array>) => Promise<void>) | undefined
  readonly signal: AbortSignal
}

export interface IncomingResponse extends ResponseHead {
  /** Decompressed; empty where a sink took it. */
  readonly body: Uint8Array
}

/** Rejects with FetchError, or with `signal.reason` once the signal is aborted. */
export type Fetch = (request: OutgoingRequest) => Promise<IncomingResponse>

import type { Credential } from '../credentials/credential-type.ts'
import type { JsonObject } from '../item.ts'

/** One statement with its values, which the server never takes for SQL. */
export interface SqlRequest {
  readonly text: string
  readonly values: readonly unknown[]
  /** Whether the server is to refuse writes. */
  readonly readOnly: boolean
  /** Beyond it the statement fails: a result is held as a whole. */
  readonly maxRows: number
}

export interface SqlResult {
  readonly rows: readonly JsonObject[]
  /** Rows that were answered or changed. */
  readonly rowCount: number
}

/** The time that one use of a connection may take. */
export interface Limits {
  /** milliseconds */
  readonly timeout: number
  readonly signal: AbortSignal
}

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo: string | undefined
  readonly subject: string
  readonly text: string | undefined
  readonly html: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: readonly { readonly fileName: string, readonly contentType: string, readonly content: Uint8Array }[]
  /** Of this message, in all attempts. */
  readonly messageId: string
}

export interface SentMail {
  readonly messageId: string
  readonly accepted: readonly string[]
  readonly rejected: readonly string[]
  readonly response: string
}

/**
 * Connections in protocols other than HTTP, opened by a credential and kept for a while. Addresses that are not public are
 * refused as those of requests are. Rejects with NodeError: WC_CONNECTION…, WC_SQL…, WC_REDIS…, WC_MAIL….
 */
export interface Connect {
  /** With a credential of the type `postgres` or `mysql`. */
  query (credential: Credential, request: SqlRequest, limits: Limits): Promise<SqlResult>
  redis (credential: Credential, command: string, args: readonly string[], limits: Limits): Promise<unknown>
  mail (credential: Credential, mail: Mail, limits: Limits): Promise<SentMail>
}

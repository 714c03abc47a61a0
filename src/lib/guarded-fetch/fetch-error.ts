import { maxHeaderSize } from 'node:http'

export type FetchErrorCode =
  | 'WC_EGRESS_BLOCKED'
  | 'WC_HTTP_URL'
  | 'WC_HTTP_HEADER'
  | 'WC_HTTP_METHOD'
  | 'WC_HTTP_TIMEOUT'
  | 'WC_HTTP_NETWORK'
  | 'WC_HTTP_PROXY'
  | 'WC_HTTP_REDIRECT'
  | 'WC_HTTP_TOO_LARGE'
  | 'WC_HTTP_BODY'

/** Why an exchange failed; the message is fit to be shown to whoever asked for it. */
export class FetchError extends Error {
  readonly code: FetchErrorCode
  /** Whether the same request may succeed later. */
  readonly retryable: boolean

  constructor (code: FetchErrorCode, message: string, options: { retryable?: boolean, cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'FetchError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'the name does not resolve'],
  ['EAI_AGAIN', 'the name could not be resolved for now'],
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was cut'],
  ['UND_ERR_SOCKET', 'the connection was cut'],
  ['EHOSTUNREACH', 'the host is out of reach'],
  ['ENETUNREACH', 'the network is out of reach'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate chain is self-signed'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate cannot be verified'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS there; is it http, or another port?'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'it does not speak TLS there; is it http, or another port?'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'it takes no version of TLS that is safe'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'it takes no version of TLS that is safe'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'it refuses the TLS connection: no common cipher, or no client certificate'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'it asks for a client certificate'],
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'the key is not that of the client certificate'],
  ['ERR_OSSL_BAD_DECRYPT', 'the passphrase of the client certificate\'s key is wrong'],
  ['ERR_OSSL_UNSUPPORTED', 'the key of the client certificate cannot be read'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'its answer is not as long as it says'],
  ['ERR_ASSERTION', 'its answer is not valid HTTP']
])

/** Certificates, keys and versions of TLS do not become good by waiting. */
const LASTING = /CERT|SIGNATURE|^ERR_OSSL_|WRONG_VERSION|PACKET_LENGTH_TOO_LONG|PROTOCOL|HANDSHAKE_FAILURE/

/** What the HTTP client threw, in our terms. The client's own texts may hold addresses and stay in `cause`. */
export function toFetchError (error: unknown, host: string): FetchError {
  if (error instanceof FetchError) return error
  const code = innermostCode(error)
  const options = { retryable: true, cause: error }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return new FetchError('WC_HTTP_TIMEOUT', `No connection to ${host} in time`, options)
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return new FetchError('WC_HTTP_TOO_LARGE', `The headers of the answer of ${host} are larger than ${maxHeaderSize} bytes`, { cause: error })
  }
  const lasting = LASTING.test(code)
  const reason = REASONS.get(code) ?? (code.startsWith('HPE_') ? 'its answer is not valid HTTP' : code || 'unknown reason')
  return new FetchError('WC_HTTP_NETWORK', `The exchange with ${host} failed: ${reason}`, { retryable: !lasting, cause: error })
}

// Trying several addresses ends in an AggregateError; its first member says more than it does.
function innermostCode (error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return innermostCode(error.errors[0])
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  // undici's parser does not say more of some answers than that they do not parse.
  return error.name === 'HTTPParserError' ? 'HPE_UNKNOWN' : ''
}

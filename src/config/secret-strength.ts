const MIN_SECRET_BYTES = 32
const KEY_BYTES = 32
const PLACEHOLDER_WORDS = /secret|change|me|this|password|default|example|jwt|key|your|my|super|test|dev|please|the|in|production|token|weconnect|at|least|characters|bytes|long|random|string|here|minimum/g
// Fewer letters than this beside placeholder words are no entropy.
const MIN_OTHER_CHARACTERS = 12
const MIN_DISTINCT_CHARACTERS = 8

/** What is wrong with a secret that signs tokens, or null. */
export function jwtSecretFault (secret: string | undefined, required: boolean): string | null {
  if (secret === undefined) return required ? 'is not set' : null
  if (isPlaceholder(secret)) return 'is a well-known placeholder'
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) return `has fewer than ${MIN_SECRET_BYTES} bytes`
  if (new Set(secret).size < MIN_DISTINCT_CHARACTERS) return 'repeats a few characters'
  return null
}

/** What is wrong with a key of 32 bytes in base64 (or base64url), or null. */
export function encryptionKeyFault (key: string | undefined, required: boolean): string | null {
  if (key === undefined) return required ? 'is not set' : null
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(key) || Buffer.from(key, 'base64').length !== KEY_BYTES) return `is not ${KEY_BYTES} bytes in base64`
  if (new Set(Buffer.from(key, 'base64')).size < MIN_DISTINCT_CHARACTERS) return 'repeats a few bytes'
  return null
}

function isPlaceholder (secret: string): boolean {
  const letters = secret.toLowerCase().replaceAll(/[^a-z]/g, '')
  const other = letters.replaceAll(PLACEHOLDER_WORDS, '').length + secret.replaceAll(/[a-z]/gi, '').length
  return letters.length > 0 && other < MIN_OTHER_CHARACTERS
}

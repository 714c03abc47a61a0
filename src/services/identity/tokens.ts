import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET_BYTES = 32
const REFRESH = /^wcr_([0-9a-f]{32})_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})$/
const API_KEY = /^wc_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/

export interface RefreshToken {
  readonly sessionId: string
  readonly generation: number
  readonly secretHash: Buffer
}

export interface ApiKeyToken {
  readonly keyId: string
  readonly secretHash: Buffer
}

/** A secret to hand out once, and what is kept of it. 256 random bits need no slow hash. */
export function createSecret (): { secret: string, secretHash: Buffer } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return { secret, secretHash: sha256(secret) }
}

export function refreshTokenText (sessionId: string, generation: number, secret: string): string {
  return `wcr_${compact(sessionId)}_${generation}_${secret}`
}

export function parseRefreshToken (text: string): RefreshToken | null {
  const [, id, generation, secret] = REFRESH.exec(text) ?? []
  if (id === undefined || generation === undefined || secret === undefined) return null
  return { sessionId: expand(id), generation: Number(generation), secretHash: sha256(secret) }
}

export function apiKeyText (keyId: string, secret: string): string {
  return `wc_${compact(keyId)}_${secret}`
}

export function parseApiKey (text: string): ApiKeyToken | null {
  const [, id, secret] = API_KEY.exec(text) ?? []
  return id === undefined || secret === undefined ? null : { keyId: expand(id), secretHash: sha256(secret) }
}

export function sha256 (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

export function sameHash (left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

function compact (id: string): string {
  return id.replaceAll('-', '')
}

function expand (hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

import { createHash, createHmac, randomBytes } from 'node:crypto'

/** What is common to flows in which a browser goes to another server and comes back: the state is good once, for ten minutes, in that browser. */
export const FLOW_SECONDS = 600
const SECRET_BYTES = 32
const STATE = /^[A-Za-z0-9_-]{43}$/

/** For the browser to bring back, under a name of this flow's own. */
export interface FlowCookie {
  readonly name: string
  readonly value: string
  readonly seconds: number
}

/** 256 bits. */
export function secretText (): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

export function newSalt (): Buffer {
  return randomBytes(SECRET_BYTES)
}

export function hashOf (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** From the state, which the browser has, and the salt, which the database has: neither tells it alone. */
export function derivedFrom (state: string, salt: Uint8Array, purpose: 'verifier' | 'nonce'): string {
  return createHmac('sha256', salt).update(`${purpose}\n${state}`).digest('base64url')
}

/** The state of a callback, or undefined where there is none that could be one. */
export function stateIn (parameters: URLSearchParams): string | undefined {
  const states = parameters.getAll('state')
  return states.length === 1 && STATE.test(states[0]!) ? states[0] : undefined
}

/** @param prefix of the kind of flow */
export function cookieName (prefix: string, state: string): string {
  return `${prefix}_${hashOf(state).toString('hex', 0, 8)}`
}

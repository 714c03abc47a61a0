import type { FailureKind } from '../lib/group-commit.ts'

const CONNECTION_CODES = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH',
  'CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT',
  // operator intervention: shutdown, crash, starting up, idle too long, cancelled
  '57P01', '57P02', '57P03', '57P05', '57014',
  // a primary that has just become a standby
  '25006'
])
/** Connection exceptions; insufficient resources (disk, memory, connections); errors of the system below. */
const AWAY = /^(08|53|58)/
/** Serialization failure and deadlock: nothing was done, the same statement may succeed. */
const TRANSIENT = new Set(['40001', '40P01', '55P03'])
const NO_PARTITION = '23514'
const DUPLICATE = '23505'

export function errorCode (error: unknown): string | undefined {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return code
  }
  return undefined
}

/** The database is away, or the connection died: whether the statement took effect is unknown. */
export function isConnectionFailure (error: unknown): boolean {
  const code = errorCode(error)
  return code !== undefined && (CONNECTION_CODES.has(code) || AWAY.test(code))
}

export function isMissingPartition (error: unknown): boolean {
  return errorCode(error) === NO_PARTITION && /no partition of relation/.test(error instanceof Error ? error.message : '')
}

export function isDuplicate (error: unknown): boolean {
  return errorCode(error) === DUPLICATE
}

/** The transaction was undone as a whole, for no fault of its own: it may be run again. */
export function isTransient (error: unknown): boolean {
  return TRANSIENT.has(errorCode(error) ?? '')
}

/** For statements that may be repeated as they are: they know their own rows again. */
export function classifyFailure (error: unknown): FailureKind {
  const code = errorCode(error)
  if (isConnectionFailure(error) || isTransient(error)) return 'repeat'
  // Bad data, a violated constraint, a limit exceeded, an internal error: a row's fault. A missing partition is not.
  if (code !== undefined && /^(2[23]|54|XX)/.test(code) && !isMissingPartition(error)) return 'split'
  return 'fail'
}

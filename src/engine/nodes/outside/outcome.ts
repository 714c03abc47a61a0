import { NodeError } from '../../node-error.ts'

/** After these what was asked for may have been done, or be done still. */
const UNKNOWN: ReadonlySet<string> = new Set(['WC_CONNECTION_LOST', 'WC_CONNECTION_TIMEOUT'])

/** The error of something that must not be done twice: where its outcome is not known, nothing repeats it by itself. */
export function ofOnce (error: unknown): unknown {
  if (!(error instanceof NodeError) || !UNKNOWN.has(error.code)) return error
  return new NodeError(error.code, `${error.message}; whether it took effect is not known`, { ...error.detail, retryable: false })
}

import { Problem } from '../lib/problem.ts'

/** Whoever watches is looked at anew so often, in milliseconds: what was taken back is over within five seconds. */
const RECHECK_INTERVAL = 4000

/**
 * Ends a stream once its credential may no longer have it.
 * @param recheck throws the Problem of whoever may not
 * @returns what stops the looking
 */
export function whileAllowed (recheck: () => Promise<void>, end: () => void): () => void {
  let asking = false
  const timer = setInterval(() => {
    if (asking) return
    asking = true
    recheck().catch((error: unknown) => {
      // That the database is away for a moment says nothing about the credential.
      if (!(error instanceof Problem) || error.status >= 500) return
      clearInterval(timer)
      end()
    }).finally(() => { asking = false })
  }, RECHECK_INTERVAL).unref()
  return () => { clearInterval(timer) }
}

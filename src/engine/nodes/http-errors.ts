import { FetchError } from '../../lib/guarded-fetch/fetch-error.ts'
import { NodeError } from '../node-error.ts'

/** What went wrong with a page after the first, which the URL alone often does not tell. */
export function withPageNumber (error: unknown, page: number): unknown {
  if (page === 1) return error
  if (error instanceof FetchError) return new FetchError(error.code, `Page ${page}: ${error.message}`, error)
  return error instanceof NodeError ? new NodeError(error.code, `Page ${page}: ${error.message}`, error.detail) : error
}

/** What went wrong with item `index`, as the step's error; what is not of our making (an abort, a fault) stays as it is. */
export function withItemIndex (error: unknown, index: number): unknown {
  if (error instanceof FetchError) {
    return new NodeError(error.code, error.message, { retryable: error.retryable, itemIndex: index })
  }
  if (!(error instanceof NodeError)) return error
  return new NodeError(error.code, error.message, { itemIndex: index, ...error.detail })
}

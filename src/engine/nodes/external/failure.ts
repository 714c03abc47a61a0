import { FetchError } from '../../../lib/guarded-fetch/fetch-error.ts'
import { NodeError, type StepError } from '../../node-error.ts'
import { isPlainObject } from '../../validation/json-schema.ts'
import { plainJson } from './plain-json.ts'

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/
const FOREIGN_CODE = 'WC_NODE_FAILED'
const MAX_MESSAGE = 4096

/**
 * What a package threw as an error of the step. Its class may be another copy of the interface's, so it is known by its
 * form; anything else is a fault and stays what it is.
 */
export function toStepFailure (error: unknown): unknown {
  if (error instanceof NodeError) return error
  if (error instanceof FetchError) return new NodeError(error.code, error.message, { retryable: error.retryable })
  if (!(error instanceof Error) || error.name !== 'NodeError' || !('code' in error)) return error
  const code = typeof error.code === 'string' && CODE.test(error.code) && !error.code.startsWith('WC_') ? error.code : FOREIGN_CODE
  return new NodeError(code, String(error.message).slice(0, MAX_MESSAGE), detailOf('detail' in error ? error.detail : undefined))
}

function detailOf (detail: unknown): Omit<StepError, 'code' | 'message'> {
  if (!isPlainObject(detail)) return {}
  const { retryable, retryAfter, itemIndex, pointer, data } = detail
  return {
    ...(typeof retryable === 'boolean' ? { retryable } : {}),
    ...(typeof retryAfter === 'number' && retryAfter >= 0 && Number.isFinite(retryAfter) ? { retryAfter } : {}),
    ...(Number.isInteger(itemIndex) ? { itemIndex: itemIndex as number } : {}),
    ...(typeof pointer === 'string' ? { pointer } : {}),
    ...(data === undefined ? {} : { data: storable(data) })
  }
}

/** An error is not lost for what it carries. */
function storable (data: unknown): unknown {
  try {
    return plainJson(data, 'data of an error')
  } catch (error) {
    return error instanceof NodeError ? error.message : undefined
  }
}

import { MAX_DATA_DEPTH, MAX_TEXT } from '../limits.ts'
import { allocateElements, allocateText, exceeded, fail, own, run, spend, typeFailure } from '../run.ts'
import { isPlainObject } from '../values/kind.ts'
import { toText } from '../values/coerce.ts'
import { toJson } from '../values/plain.ts'

/** `JSON.parse` is recursive in the host: depth and size are counted before it runs. */
export function parseJson (value: unknown): unknown {
  const text = toText(value)
  allocateText(text.length)
  spend(text.length >> 5)
  checkNesting(text)
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    return fail('WC_EXPRESSION_JSON', `Not JSON: ${(error as Error).message.slice(0, 200)}`)
  }
  if (run.owned !== null) ownDeeply(data)
  return data
}

function checkNesting (text: string): void {
  let depth = 0
  let members = 0
  let inText = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inText) {
      if (code === 92) index++
      else if (code === 34) inText = false
    } else if (code === 34) inText = true
    else if (code === 91 || code === 123) {
      if (++depth > MAX_DATA_DEPTH) exceeded(`JSON nested more than ${MAX_DATA_DEPTH} levels`)
    } else if (code === 93 || code === 125) depth--
    else if (code === 44) members++
  }
  allocateElements(members)
}

function ownDeeply (data: unknown): void {
  if (Array.isArray(data)) data.forEach(ownDeeply)
  else if (isPlainObject(data)) Object.values(data).forEach(ownDeeply)
  else return
  spend(1)
  own(data)
}

export function stringify (value: unknown, replacer?: unknown, space?: unknown): string | undefined {
  if (replacer !== undefined && replacer !== null) typeFailure('JSON.stringify takes no replacer here')
  const indent = typeof space === 'number' ? ' '.repeat(Math.min(10, Math.max(0, Math.trunc(space)))) : typeof space === 'string' ? space.slice(0, 10) : ''
  const text = toJson(value, MAX_TEXT, indent)
  if (text !== undefined) allocateText(text.length)
  return text
}

import { step, type Report } from './report.ts'
import { MAX_DEPTH, MAX_EXPRESSION_TEXT, MAX_EXPRESSIONS, MAX_VALUES, survey } from './survey.ts'
import { isStorable } from './text.ts'

/**
 * Whether everything in the definition survives being stored and read again, and is little enough to be looked at.
 * Iterative, and run first: what comes after may then descend without counting.
 */
export function checkStorable (definition: unknown, report: Report): boolean {
  const { excess, suspicious } = survey(definition)
  switch (excess) {
    case 'values': report.error('', 'WC_TOO_MANY_VALUES', `holds more than ${MAX_VALUES} values`); return false
    case 'expressions': report.error('', 'WC_TOO_MANY_EXPRESSIONS', `holds more than ${MAX_EXPRESSIONS} expressions`); return false
    case 'expressionText': report.error('', 'WC_TOO_MANY_EXPRESSIONS', `holds texts with expressions of more than ${MAX_EXPRESSION_TEXT} characters together`); return false
    case undefined: return !suspicious || locate(definition, report)
  }
}

/** Names what is wrong and where. Whether it is no deeper than allowed. */
function locate (definition: unknown, report: Report): boolean {
  const queue: [value: unknown, pointer: string, depth: number][] = [[definition, '', 0]]
  let shallow = true
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const [value, pointer, depth] = entry
    if (typeof value === 'string' && !isStorable(value)) {
      report.error(pointer, 'WC_TEXT_NOT_STORABLE', 'holds a NUL character or half of a surrogate pair')
    } else if (typeof value === 'number' && !Number.isFinite(value)) {
      report.error(pointer, 'WC_WRONG_TYPE', 'is a number too large to hold')
    } else if (typeof value === 'object' && value !== null) {
      if (depth === MAX_DEPTH) {
        report.error(pointer, 'WC_TOO_DEEP', `is nested deeper than ${MAX_DEPTH} levels`)
        shallow = false
        continue
      }
      for (const key of Object.keys(value).reverse()) {
        const at = pointer + step(key)
        if (key === '__proto__' || !isStorable(key)) report.error(at, 'WC_KEY_NOT_ALLOWED', 'is a name that properties cannot have')
        queue.push([(value as Record<string, unknown>)[key], at, depth + 1])
      }
    }
  }
  return shallow
}

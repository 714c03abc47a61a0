const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

export const MAX_DEPTH = 64
/** Properties of one object: more of them slow every copy of it down. */
export const MAX_PROPERTIES = 100_000

/** By depth: commas of the open object, or -1 for an array. One for all: a typed array is dear to make, and nothing here waits. */
const properties = new Int32Array(MAX_DEPTH + 1)

/**
 * Looks through JSON text before it is parsed, so that depth and size never reach a parser or a copy.
 * One pass, no memory; text that is not JSON is for the parser to refuse.
 * @returns what is too much, or undefined
 */
export function exceededJsonLimit (text: string): string | undefined {
  properties[0] = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at)
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`
        properties[depth] = text.charCodeAt(at) === OPEN_BRACE ? 0 : -1
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth > 0) depth--
        break
      case COMMA:
        if (properties[depth]! >= 0 && ++properties[depth]! >= MAX_PROPERTIES) return `an object with more than ${MAX_PROPERTIES} properties`
    }
  }
  return undefined
}

function endOfString (text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return text.length
}

import { NodeError } from '../../node-error.ts'
import { JsonError, parseStrictText } from '../../../lib/strict-json.ts'

const OPEN = new Set(['{', '['].map(code))
const CLOSE = new Set(['}', ']'].map(code))
const QUOTE = code('"')
const BACKSLASH = code('\\')
const COMMA = code(',')
const END = code(']')

function code (character: string): number {
  return character.charCodeAt(0)
}

/** The value that a text is. Throws NodeError. */
export function parseJson (text: string, what: string): unknown {
  try {
    return parseStrictText(text)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw new NodeError('WC_FILE_FORMAT', `${what}: ${error.message}`)
  }
}

/** A document that is a list gives its entries, one after the other; any other gives itself. No value may have more than `limit` characters. */
export async function * jsonValues (pieces: AsyncIterable<string>, limit: number): AsyncGenerator<unknown> {
  let text = ''
  let list: ListScanner | undefined
  for await (const piece of pieces) {
    if (list === undefined) {
      text += piece
      const first = /^\s*(\S)/.exec(text)
      if (first?.[1] === '[') {
        list = new ListScanner(limit)
        yield * list.push(text.slice(first[0].length))
      } else if (text.length > limit) throw tooLarge(limit)
    } else yield * list.push(piece)
  }
  if (list === undefined) yield parseJson(text, 'The document')
  else list.end()
}

function tooLarge (limit: number): NodeError {
  return new NodeError('WC_FILE_LIMIT', `A value of the document has more than ${limit} characters`)
}

/** Finds where the entries of a list end: only brackets, quotes and commas matter, the parser looks at the rest. */
class ListScanner {
  readonly #limit: number
  #depth = 1
  #inString = false
  #escaped = false
  #held = ''
  #count = 0
  #ended = false

  constructor (limit: number) {
    this.#limit = limit
  }

  * push (piece: string): Generator<unknown> {
    let start = 0
    for (let at = 0; at < piece.length; at++) {
      if (this.#ended) {
        if (piece.slice(at).trim() !== '') throw new NodeError('WC_FILE_FORMAT', 'The document goes on after its list')
        return
      }
      const character = piece.charCodeAt(at)
      if (this.#inString) this.#inside(character)
      else if (character === QUOTE) this.#inString = true
      else if (OPEN.has(character)) this.#depth++
      else if (CLOSE.has(character) ? --this.#depth === 0 : character === COMMA && this.#depth === 1) {
        if (this.#depth === 0 && character !== END) throw new NodeError('WC_FILE_FORMAT', 'The list of the document ends with a brace')
        yield * this.#entry(this.#held + piece.slice(start, at))
        this.#held = ''
        start = at + 1
        this.#ended = this.#depth === 0
      }
    }
    this.#held += piece.slice(start)
    if (this.#held.length > this.#limit) throw tooLarge(this.#limit)
  }

  #inside (character: number): void {
    if (this.#escaped) this.#escaped = false
    else if (character === BACKSLASH) this.#escaped = true
    else if (character === QUOTE) this.#inString = false
  }

  * #entry (text: string): Generator<unknown> {
    if (this.#depth === 0 && this.#count === 0 && text.trim() === '') return
    yield parseJson(text, `Entry ${this.#count} of the list`)
    this.#count++
  }

  end (): void {
    if (!this.#ended) throw new NodeError('WC_FILE_FORMAT', 'The document ends within its list')
  }
}

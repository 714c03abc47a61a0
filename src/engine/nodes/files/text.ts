import { NodeError } from '../../node-error.ts'

export type Bytes = AsyncIterable<Uint8Array>

/** Pieces of the text that the bytes are, without a byte order mark. Throws NodeError: WC_FILE_FORMAT, WC_PARAMETER. */
export async function * textOf (bytes: Bytes, charset = 'utf-8'): AsyncGenerator<string> {
  const decoder = decoderOf(charset)
  for await (const chunk of bytes) yield decode(decoder, charset, chunk)
  yield decode(decoder, charset)
}

function decoderOf (charset: string) {
  try {
    return new TextDecoder(charset, { fatal: true })
  } catch {
    throw new NodeError('WC_PARAMETER', `There is no charset ${JSON.stringify(charset.slice(0, 40))}`, { pointer: '/charset' })
  }
}

function decode (decoder: ReturnType<typeof decoderOf>, charset: string, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
  } catch {
    throw new NodeError('WC_FILE_FORMAT', `The file is not text in ${charset}; name its charset`)
  }
}

/** All of a text, up to `limit` characters. */
export async function wholeText (pieces: AsyncIterable<string>, limit: number): Promise<string> {
  const parts: string[] = []
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size > limit) throw new NodeError('WC_FILE_LIMIT', `The text has more than ${limit} characters, which is too much for one item`)
    parts.push(piece)
  }
  return parts.join('')
}

/** The lines of a text, without their ends. None may be longer than `limit` characters. */
export async function * linesOf (pieces: AsyncIterable<string>, limit: number): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    if (rest.length > limit) throw new NodeError('WC_FILE_LIMIT', `A line has more than ${limit} characters`)
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest
}

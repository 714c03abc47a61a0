import { Dicer } from '@fastify/busboy'
import { MalformedRequest, UnsupportedMediaType } from '../problems.ts'
import { parametersOf } from './content-type.ts'

/** One part of a `multipart/form-data` body (RFC 7578). */
export interface Part {
  readonly name: string
  readonly fileName: string | undefined
  /** Lower case, without parameters. */
  readonly mimeType: string
  readonly charset: string | undefined
  readonly chunks: Uint8Array[]
}

export const MAX_PARTS = 1000
const LIMITS = { maxHeaderPairs: 20, maxHeaderSize: 32_768 }
/** Encodings that leave the bytes as they are. The others are obsolete here (RFC 7578 section 4.7). */
const UNENCODED = new Set(['7bit', '8bit', 'binary'])

type Headers = Readonly<Record<string, readonly string[]>>

/** The bytes of parts are views of the body's. A part that is not of the grammar is refused: whoever left it out would read another form than was sent. */
export async function partsOf (body: Uint8Array, boundary: string): Promise<Part[]> {
  return await new Promise((resolve, reject) => {
    const parts: Part[] = []
    const parser = new Dicer({ boundary, ...LIMITS })
    let begun = 0
    const fail = (error: unknown): void => {
      reject(error instanceof Error && 'status' in error ? error : MalformedRequest(`The multipart body is not valid: ${error instanceof Error ? error.message.slice(0, 200) : ''}.`))
      parser.destroy()
    }
    parser.on('part', stream => {
      const chunks: Uint8Array[] = []
      let headed = false
      stream.on('header', (headers: object) => {
        headed = true
        try {
          parts.push({ ...factsOf(headers as Headers), chunks })
        } catch (error) {
          fail(error)
        }
      })
      stream.on('data', (chunk: Uint8Array) => { chunks.push(chunk) })
      stream.on('error', fail)
      stream.on('end', () => { if (!headed) fail(MalformedRequest('A part of the multipart body has no headers.')) })
      if (++begun > MAX_PARTS) fail(MalformedRequest(`The multipart body has more than ${MAX_PARTS} parts.`))
    })
    parser.on('error', fail)
    parser.on('finish', () => { resolve(parts) })
    parser.end(body)
  })
}

function factsOf (headers: Headers): Omit<Part, 'chunks'> {
  const text = (name: string): string | undefined => {
    const [value] = headers[name] ?? []
    // The parser gives bytes as characters; names are UTF-8 (RFC 7578 section 5.1).
    return value === undefined ? undefined : Buffer.from(value, 'latin1').toString('utf8')
  }
  const disposition = text('content-disposition')
  if (disposition === undefined || !/^form-data[ \t]*(?:;|$)/i.test(disposition)) throw MalformedRequest('A part of the multipart body has no Content-Disposition of form-data.')
  const { name = '', filename } = Object.fromEntries(parametersOf(disposition))
  if (name === '') throw MalformedRequest('A part of the multipart body has no name.')
  const encoding = text('content-transfer-encoding')?.trim().toLowerCase() ?? '7bit'
  if (!UNENCODED.has(encoding)) throw UnsupportedMediaType(`Parts with the transfer encoding ${encoding.slice(0, 40)} are not understood. Send their bytes as they are.`)
  const [type = '', ...parameters] = (text('content-type') ?? 'text/plain').split(/(?=;)/)
  const charset = new Map(parametersOf(parameters.join(''))).get('charset')?.toLowerCase()
  return { name: name.replaceAll('%22', '"').replaceAll(/%0D%0A|%0A|%0D/gi, '\n'), fileName: filename?.split(/[/\\]/).at(-1), mimeType: type.trim().toLowerCase() || 'text/plain', charset }
}

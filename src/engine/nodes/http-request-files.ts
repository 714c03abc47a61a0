import { escapePointer } from '../../lib/strict-json.ts'
import type { BinaryRef, Item } from '../item.ts'
import { binaryOf } from './files/binary-of.ts'
import type { NodeFiles } from './node-files.ts'
import type { NodeContext, StreamedBody } from './node-type.ts'

/** What the files of a request are taken from. */
export interface Attachments {
  readonly item: Item
  readonly files: NodeFiles
  readonly randomBytes: NodeContext<unknown>['randomBytes']
}

export function attachmentsOf ({ items, files, randomBytes }: NodeContext<unknown>, index: number): Attachments {
  return { item: items[index]!, files, randomBytes }
}

interface FileBody {
  readonly content: StreamedBody
  readonly contentType: string
}

/** Binary data as the whole body. */
export function binaryBody ({ item, files }: Attachments, name: string | undefined): FileBody {
  const file = binaryOf(item, name)
  return { content: { size: file.size, open: () => files.read(file) }, contentType: file.mimeType }
}

type Piece = Uint8Array | BinaryRef

/** `multipart/form-data` (RFC 7578) of fields, and of files by the names of their fields. */
export function multipartBody ({ item, files, randomBytes }: Attachments, fields: readonly (readonly [name: string, value: string])[], attached: readonly (readonly [name: string, binaryName: string])[]): FileBody {
  const boundary = `weconnect-${Buffer.from(randomBytes(16)).toString('hex')}`
  const pieces: Piece[] = []
  const text = (content: string): void => { pieces.push(Buffer.from(content)) }
  for (const [name, value] of fields) text(`--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`)
  for (const [name, binaryName] of attached) {
    const file = binaryOf(item, binaryName, `/files/${escapePointer(name)}`)
    text(`--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"; filename="${quoted(file.fileName ?? binaryName)}"\r\ncontent-type: ${file.mimeType.replaceAll(/[\r\n]/g, ' ')}\r\n\r\n`)
    pieces.push(file)
    text('\r\n')
  }
  text(`--${boundary}--\r\n`)
  const size = pieces.reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.size), 0)
  return { content: { size, open: () => bytesOf(files, pieces) }, contentType: `multipart/form-data; boundary=${boundary}` }
}

async function * bytesOf (files: NodeFiles, pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece
    else yield * files.read(piece)
  }
}

/** As browsers write names. */
function quoted (name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

import { NodeError } from '../../../node-error.ts'
import { xmlParser } from '../libraries.ts'
import { textOf, type Bytes } from '../text.ts'

/** What is told of a document, element by element; names come without their prefix. */
export interface XmlListener {
  open (name: string, attributes: Readonly<Record<string, string>>): void
  text? (text: string): void
  close? (name: string): void
}

const MAX_DEPTH = 64
/** Characters without an end of a tag or a text: one value is not that long. */
const LONGEST_TOKEN = 4_194_304

/** Tells a whole document. Throws NodeError. */
export async function readXml (bytes: Bytes, part: string, listener: XmlListener): Promise<void> {
  const reading = readPieces(bytes, part, listener, () => undefined)
  while (!(await reading.next()).done) continue
}

/** Yields what the listener has to give whenever a piece of the document has been told. Throws NodeError. */
export async function * readPieces<T> (bytes: Bytes, part: string, listener: XmlListener, take: () => T): AsyncGenerator<T> {
  const { SaxesParser } = await xmlParser()
  const parser = new SaxesParser()
  let depth = 0
  let silent = 0
  let fault: Error | undefined
  parser.on('error', error => { fault ??= error })
  parser.on('doctype', () => { fault ??= new Error('it declares a document type') })
  parser.on('opentag', ({ name, attributes }) => {
    silent = 0
    if (++depth > MAX_DEPTH) fault ??= new Error('it is nested too deep')
    if (fault === undefined) listener.open(localName(name), attributes)
  })
  parser.on('text', text => {
    silent = 0
    if (fault === undefined) listener.text?.(text)
  })
  parser.on('closetag', ({ name }) => {
    silent = 0
    depth--
    if (fault === undefined) listener.close?.(localName(name))
  })
  const refuseFault = (): void => {
    if (fault !== undefined) throw new NodeError('WC_FILE_FORMAT', `The part ${part} of the file is not valid: ${fault.message.slice(0, 200)}`)
  }
  for await (const piece of textOf(bytes)) {
    silent += piece.length
    parser.write(piece)
    refuseFault()
    if (silent > LONGEST_TOKEN) throw new NodeError('WC_FILE_LIMIT', `A value in the part ${part} of the file is longer than ${LONGEST_TOKEN} characters`)
    yield take()
  }
  parser.close()
  refuseFault()
}

function localName (name: string): string {
  return name.includes(':') ? name.slice(name.indexOf(':') + 1) : name
}

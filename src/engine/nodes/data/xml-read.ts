import { NodeError } from '../../node-error.ts'
import { textOf } from './evaluated.ts'
import { saxes } from './markup-libraries.ts'
import type { XmlParameters } from './xml.ts'

/** Characters. */
const MAX_XML = 16 * 1024 * 1024
const MAX_DEPTH = 256
const MAX_ELEMENTS = 500_000

interface Open {
  readonly name: string
  readonly fields: Map<string, unknown>
  /** Names of elements that have stood there more than once. */
  readonly lists: Set<string>
  readonly text: string[]
}

/**
 * Well-formed XML as data. Entities are the five of XML and characters by number; a document that declares its own is refused, so that nothing
 * is read from elsewhere and nothing grows. Throws NodeError (WC_XML, WC_XML_LIMIT).
 */
export function readXml ({ value, attributePrefix = '@', textName = '#text', attributes = true, lists = [] }: XmlParameters): unknown {
  const source = textOf(value, '/value', MAX_XML)
  const always = new Set(lists)
  const root = open('')
  const stack: Open[] = [root]
  let elements = 0
  const top = (): Open => stack.at(-1)!

  const parser = new (saxes().SaxesParser)({ position: true })
  parser.on('error', error => { throw new NodeError('WC_XML', `This is not well-formed XML: ${error.message.slice(0, 200)}`, { pointer: '/value' }) })
  parser.on('doctype', text => {
    if (text.includes('[') || /<!ENTITY/i.test(text)) throw new NodeError('WC_XML', 'XML that declares entities or elements of its own is not read', { pointer: '/value' })
  })
  parser.on('opentag', ({ name, attributes: given }) => {
    if (stack.length > MAX_DEPTH) throw new NodeError('WC_XML_LIMIT', `The XML is nested more than ${MAX_DEPTH} levels`, { pointer: '/value' })
    if (++elements > MAX_ELEMENTS) throw new NodeError('WC_XML_LIMIT', `The XML has more than ${MAX_ELEMENTS} elements`, { pointer: '/value' })
    // An own property of that name would change a prototype at the first careless copy.
    if (name === '__proto__') throw new NodeError('WC_XML', `An element cannot be called ${name}`, { pointer: '/value' })
    const element = open(name)
    if (attributes) for (const [attribute, text] of Object.entries(given)) element.fields.set(attributePrefix + attribute, text)
    stack.push(element)
  })
  parser.on('text', text => { top().text.push(text) })
  parser.on('cdata', text => { top().text.push(text) })
  parser.on('closetag', () => {
    const element = stack.pop()!
    add(top(), element.name, close(element, textName), always)
  })
  parser.write(source).close()
  return Object.fromEntries(root.fields)
}

function open (name: string): Open {
  return { name, fields: new Map(), lists: new Set(), text: [] }
}

function add ({ fields, lists }: Open, name: string, value: unknown, always: ReadonlySet<string>): void {
  if (!fields.has(name)) {
    fields.set(name, always.has(name) ? [value] : value)
    if (always.has(name)) lists.add(name)
  } else if (lists.has(name)) {
    (fields.get(name) as unknown[]).push(value)
  } else {
    fields.set(name, [fields.get(name), value])
    lists.add(name)
  }
}

/** An element that has only text is its text. */
function close ({ fields, text }: Open, textName: string): unknown {
  const content = text.join('').trim()
  if (fields.size === 0) return content
  if (content !== '') fields.set(textName, content)
  return Object.fromEntries(fields)
}

import { NodeError } from '../../node-error.ts'
import { isPlainObject } from '../plain-object.ts'
import type { XmlParameters } from './xml.ts'

/** Characters. */
const MAX_XML = 16 * 1024 * 1024
const MAX_DEPTH = 256
/** Names of XML 1.0, without those that begin with a digit, a dot or a hyphen. */
const NAME = /^[\p{L}_:][\p{L}\p{N}_:.\-·\p{M}]*$/u
/** Characters that XML cannot hold, whatever the escape. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** Throws NodeError (WC_XML, WC_XML_LIMIT). */
export function writeXml ({ value, root, attributePrefix = '@', textName = '#text', declaration = true, indent = false }: XmlParameters): string {
  const parts: string[] = declaration ? ['<?xml version="1.0" encoding="UTF-8"?>\n'] : []
  let length = 0

  function put (...texts: readonly string[]): void {
    for (const text of texts) {
      length += text.length
      parts.push(text)
    }
    if (length > MAX_XML) throw new NodeError('WC_XML_LIMIT', `The XML is longer than ${MAX_XML} characters`, { pointer: '/value' })
  }

  function element (name: string, content: unknown, depth: number, level: number): void {
    if (depth > MAX_DEPTH) throw new NodeError('WC_XML_LIMIT', `The value is nested more than ${MAX_DEPTH} levels`, { pointer: '/value' })
    if (Array.isArray(content)) return content.forEach(one => { element(name, one, depth + 1, level) })
    const margin = indent && level > 0 ? '\n' + '  '.repeat(level) : ''
    const { attributes, text, children } = isPlainObject(content)
      ? sortOut(content, attributePrefix, textName)
      : { attributes: [], text: content, children: [] }
    put(margin, '<', checkedName(name))
    for (const [attribute, given] of attributes) put(' ', checkedName(attribute), '="', escapeXml(given), '"')
    const body = escapeXml(text)
    if (body === '' && children.length === 0) return put('/>')
    put('>', body)
    for (const [child, inner] of children) element(child, inner, depth + 1, level + 1)
    put(indent && children.length > 0 ? '\n' + '  '.repeat(level) : '', '</', name, '>')
  }

  const [name, content] = rootOf(value, root)
  element(name, content, 0, 0)
  return parts.join('')
}

function rootOf (value: unknown, root: string | undefined): readonly [string, unknown] {
  if (root !== undefined) return [root, Array.isArray(value) ? { item: value } : value]
  const [first, ...more] = isPlainObject(value) ? Object.entries(value) : []
  if (first !== undefined && more.length === 0 && !Array.isArray(first[1])) return first
  throw new NodeError('WC_XML', 'The value must be an object with one field, which becomes the root element; or give root', { pointer: '/value' })
}

function sortOut (object: Record<string, unknown>, prefix: string, textName: string) {
  const attributes: [string, unknown][] = []
  const children: [string, unknown][] = []
  let text: unknown
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue
    if (name === textName) text = value
    else if (name.startsWith(prefix)) attributes.push([name.slice(prefix.length), value])
    else children.push([name, value])
  }
  return { attributes, text, children }
}

function checkedName (name: string): string {
  if (name.length <= 256 && NAME.test(name)) return name
  throw new NodeError('WC_XML', `${JSON.stringify(name.slice(0, 60))} cannot be a name in XML`, { pointer: '/value' })
}

function escapeXml (value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  if (FORBIDDEN.test(text)) throw new NodeError('WC_XML', 'The text has a character that XML cannot hold', { pointer: '/value' })
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

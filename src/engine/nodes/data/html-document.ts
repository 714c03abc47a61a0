import type { ChildNode, Document, Element, Text } from 'domhandler'
import { NodeError } from '../../node-error.ts'
import { textOf } from './evaluated.ts'
import { domSerializer, htmlparser2 } from './markup-libraries.ts'

/** Characters. */
export const MAX_HTML = 4 * 1024 * 1024
/** Levels: what walks the tree does so on the host's stack. */
const MAX_DEPTH = 256
const MAX_NODES = 500_000

/** A tree of any text at all, as browsers do it. Throws NodeError (WC_HTML_LIMIT) where it is too large or too deep. */
export function parseHtml (value: unknown, pointer: string): Document {
  const { DomHandler, Parser } = htmlparser2()
  let nodes = 0
  let depth = 0
  const handler = new DomHandler()
  const { onopentag, onclosetag } = handler
  handler.onopentag = function (name, attributes) {
    if (++depth > MAX_DEPTH) throw new NodeError('WC_HTML_LIMIT', `The HTML is nested more than ${MAX_DEPTH} levels`, { pointer })
    if (++nodes > MAX_NODES) throw new NodeError('WC_HTML_LIMIT', `The HTML has more than ${MAX_NODES} elements`, { pointer })
    onopentag.call(this, name, attributes)
  }
  handler.onclosetag = function () {
    depth--
    onclosetag.call(this)
  }
  new Parser(handler).end(textOf(value, pointer, MAX_HTML))
  return handler.root
}

export function isElement (node: unknown): node is Element {
  return typeof node === 'object' && node !== null && 'attribs' in node
}

export function isText (node: ChildNode): node is Text {
  return node.type === 'text'
}

export function attributeOf (element: Element, name: string): string | undefined {
  return Object.hasOwn(element.attribs, name) ? element.attribs[name] : undefined
}

const UNSEEN: ReadonlySet<string> = new Set(['script', 'style', 'template', 'noscript', 'head'])
/** Elements that stand apart from what is around them. */
const BLOCKS: ReadonlySet<string> = new Set([
  'address', 'article', 'aside', 'blockquote', 'br', 'dd', 'div', 'dl', 'dt', 'figcaption', 'figure', 'footer', 'form', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6',
  'header', 'hr', 'li', 'main', 'nav', 'ol', 'p', 'pre', 'section', 'table', 'td', 'th', 'tr', 'ul'
])

/** The text that a reader sees; `raw`: with its spaces and line breaks as they were written. */
export function visibleText (node: Document | Element, raw: boolean): string {
  const parts: string[] = []
  function walk (children: readonly ChildNode[]): void {
    for (const child of children) {
      if (isText(child)) parts.push(child.data)
      if (!isElement(child) || UNSEEN.has(child.name)) continue
      const apart = !raw && BLOCKS.has(child.name)
      if (apart) parts.push(' ')
      walk(child.children)
      if (apart) parts.push(' ')
    }
  }
  walk(node.children)
  const text = parts.join('')
  return raw ? text : text.replaceAll(/\s+/g, ' ').trim()
}

export function innerHtml (element: Element): string {
  return domSerializer().render(element.children)
}

export function outerHtml (element: Element): string {
  return domSerializer().render(element)
}

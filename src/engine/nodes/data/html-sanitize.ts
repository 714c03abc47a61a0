import type { ChildNode, Element } from 'domhandler'
import { escapeHtml } from '../../../lib/escape-html.ts'
import { attributeOf, isElement, isText, parseHtml } from './html-document.ts'

const ALLOWED: ReadonlySet<string> = new Set([
  'a', 'abbr', 'b', 'blockquote', 'br', 'caption', 'cite', 'code', 'col', 'colgroup', 'dd', 'del', 'details', 'dfn', 'div', 'dl', 'dt', 'em', 'figcaption', 'figure',
  'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'ins', 'kbd', 'li', 'mark', 'ol', 'p', 'pre', 'q', 's', 'samp', 'small', 'span', 'strong', 'sub', 'summary',
  'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'time', 'tr', 'u', 'ul', 'var'
])
/** Gone with all that is in them; of other elements only the tags go. */
const DROPPED: ReadonlySet<string> = new Set([
  'script', 'style', 'template', 'noscript', 'iframe', 'object', 'embed', 'svg', 'math', 'textarea', 'select', 'title', 'xmp', 'noembed', 'noframes', 'plaintext', 'frameset', 'applet'
])
const VOID: ReadonlySet<string> = new Set(['br', 'col', 'hr', 'img'])
const ATTRIBUTES: ReadonlyMap<string, readonly string[]> = new Map([
  ['a', ['href']], ['img', ['src', 'alt', 'width', 'height']], ['td', ['colspan', 'rowspan', 'align']], ['th', ['colspan', 'rowspan', 'align', 'scope']],
  ['ol', ['start']], ['time', ['datetime']], ['col', ['span']]
])
const EVERYWHERE = ['title', 'lang', 'dir'] as const
const LINKS: ReadonlySet<string> = new Set(['href', 'src'])
const SCHEMES: ReadonlySet<string> = new Set(['http', 'https', 'mailto', 'tel'])

/** HTML that shows and does nothing more: known elements and attributes only, links that lead to pages, no script, no style. */
export function sanitizeHtml (value: unknown, pointer: string): string {
  const parts: string[] = []
  write(parseHtml(value, pointer).children, parts)
  return parts.join('')
}

function write (nodes: readonly ChildNode[], parts: string[]): void {
  for (const node of nodes) {
    if (isText(node)) parts.push(escapeHtml(node.data))
    else if (isElement(node) && !DROPPED.has(node.name)) writeElement(node, parts)
  }
}

function writeElement (element: Element, parts: string[]): void {
  const { name, children } = element
  if (!ALLOWED.has(name)) return write(children, parts)
  parts.push('<', name)
  for (const attribute of [...EVERYWHERE, ...ATTRIBUTES.get(name) ?? []]) {
    const value = attributeOf(element, attribute)
    if (value !== undefined && (!LINKS.has(attribute) || isSafeUrl(value))) parts.push(' ', attribute, '="', escapeHtml(value), '"')
  }
  if (name === 'a') parts.push(' rel="nofollow noopener noreferrer"')
  parts.push('>')
  if (VOID.has(name)) return
  write(children, parts)
  parts.push('</', name, '>')
}

/** Browsers skip spaces and control characters in a scheme, so they are not looked at here either. */
export function isSafeUrl (url: string): boolean {
  // eslint-disable-next-line no-control-regex
  const bare = url.replaceAll(/[\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028\u2029\ufeff]/g, '')
  const scheme = /^([^/?#]*?):/.exec(bare)?.[1]
  return scheme === undefined || SCHEMES.has(scheme.toLowerCase())
}

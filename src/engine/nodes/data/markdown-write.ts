import type { ChildNode, Element } from 'domhandler'
import { attributeOf, isElement, isText, parseHtml, visibleText } from './html-document.ts'
import { isSafeUrl } from './html-sanitize.ts'
import { writeTable } from './markdown-table.ts'

const DROPPED: ReadonlySet<string> = new Set(['script', 'style', 'template', 'noscript', 'head', 'iframe', 'object', 'svg', 'textarea', 'select'])
const PARAGRAPHS: ReadonlySet<string> = new Set([
  'address', 'article', 'aside', 'body', 'dd', 'details', 'div', 'dl', 'dt', 'fieldset', 'figcaption', 'figure', 'footer', 'form', 'header', 'html', 'main', 'nav', 'p', 'section', 'summary'
])
const MARKS: ReadonlyMap<string, string> = new Map([['strong', '**'], ['b', '**'], ['em', '*'], ['i', '*'], ['del', '~~'], ['s', '~~'], ['strike', '~~']])

/** The Markdown that shows what the HTML shows; what Markdown has no sign for becomes its text. */
export function writeMarkdown (html: unknown, pointer: string): string {
  return writeBlocks(parseHtml(html, pointer).children)
}

/** Blocks with an empty line between; text and inline elements next to each other are a paragraph. */
function writeBlocks (nodes: readonly ChildNode[]): string {
  const blocks: string[] = []
  let inline: ChildNode[] = []
  function flush (): void {
    const text = tidy(writeInline(inline))
    if (text !== '') blocks.push(escapeStart(text))
    inline = []
  }
  for (const node of nodes) {
    const block = isElement(node) ? writeBlock(node) : undefined
    if (block === undefined) {
      inline.push(node)
    } else {
      flush()
      if (block !== '') blocks.push(block)
    }
  }
  flush()
  return blocks.join('\n\n')
}

/** Undefined where the element stands within text. */
function writeBlock (element: Element): string | undefined {
  const { name, children } = element
  if (DROPPED.has(name)) return ''
  if (PARAGRAPHS.has(name)) return writeBlocks(children)
  switch (name) {
    case 'h1': case 'h2': case 'h3': case 'h4': case 'h5': case 'h6':
      return `${'#'.repeat(Number(name[1]))} ${tidy(writeInline(children)).replaceAll('\n', ' ')}`.trimEnd()
    case 'hr': return '---'
    case 'blockquote': return prefixLines(writeBlocks(children), '> ')
    case 'ul': case 'ol': return writeList(element)
    case 'li': return writeBlocks(children)
    case 'pre': return writeCodeBlock(element)
    case 'table': return writeTable(element, cell => tidy(writeInline(cell.children)))
    default: return undefined
  }
}

function writeList (list: Element): string {
  const items = list.children.filter(isElement).filter(({ name }) => name === 'li')
  const start = Number(attributeOf(list, 'start') ?? 1)
  const first = Number.isSafeInteger(start) && start >= 0 && start < 1e8 ? start : 1
  return items.map((item, index) => {
    const sign = list.name === 'ol' ? `${first + index}. ` : '- '
    return sign + prefixLines(writeBlocks(item.children), ' '.repeat(sign.length)).trimStart()
  }).join('\n')
}

function writeCodeBlock (element: Element): string {
  const code = visibleText(element, true).replace(/\n$/, '')
  const inner = element.children.find(isElement)
  const language = /(?:^|\s)language-([\w+#.-]{1,40})/.exec(inner === undefined ? '' : attributeOf(inner, 'class') ?? '')?.[1] ?? ''
  const fence = '`'.repeat(Math.max(3, longestRun(code) + 1))
  return `${fence}${language}\n${code}\n${fence}`
}

function writeInline (nodes: readonly ChildNode[]): string {
  return nodes.map(node => isText(node) ? escapeText(node.data) : isElement(node) ? writeInlineElement(node) : '').join('')
}

function writeInlineElement (element: Element): string {
  const { name, children } = element
  if (DROPPED.has(name)) return ''
  const mark = MARKS.get(name)
  if (mark !== undefined) return surround(writeInline(children), mark)
  switch (name) {
    case 'br': return '\\\n'
    case 'code': case 'kbd': case 'samp': case 'tt': return writeCode(visibleText(element, true))
    case 'img': return writeImage(element)
    case 'a': return writeLink(element)
    default: return PARAGRAPHS.has(name) || name === 'li' ? ` ${writeInline(children)} ` : writeInline(children)
  }
}

/** The spaces at the ends stand outside of the marks, where Markdown wants them. */
function surround (text: string, mark: string): string {
  const content = text.trim()
  if (content === '') return text === '' ? '' : ' '
  return (/^\s/.test(text) ? ' ' : '') + mark + content + mark + (/\s$/.test(text) ? ' ' : '')
}

function writeCode (text: string): string {
  if (text === '') return ''
  const fence = '`'.repeat(longestRun(text) + 1)
  const space = text.startsWith('`') || text.endsWith('`') ? ' ' : ''
  return fence + space + text.replaceAll(/\s/g, ' ') + space + fence
}

function writeImage (element: Element): string {
  const source = attributeOf(element, 'src') ?? ''
  return source === '' || !isSafeUrl(source) ? escapeText(attributeOf(element, 'alt') ?? '') : `![${escapeText(attributeOf(element, 'alt') ?? '')}](${writeUrl(source)})`
}

function writeLink (element: Element): string {
  const target = attributeOf(element, 'href') ?? ''
  const text = tidy(writeInline(element.children)).replaceAll('\n', ' ')
  return target === '' || !isSafeUrl(target) || text === '' ? text : `[${text}](${writeUrl(target)})`
}

function writeUrl (url: string): string {
  return url.trim().replaceAll(/[\s<>()\\]/g, character => encodeURIComponent(character).replace('(', '%28').replace(')', '%29'))
}

function longestRun (text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(run => run.length).slice(0, 10_000))
}

function escapeText (text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<~|]/g, '\\$&')
}

/** What would make a paragraph a heading, a list or a quote. */
function escapeStart (text: string): string {
  return text.replace(/^(#{1,6}(?=\s|$)|[-+>](?=\s|$)|=+$)/, '\\$1').replace(/^(\d{1,9})([.)])(?=\s|$)/, '$1\\$2')
}

function tidy (text: string): string {
  return text.split('\n').map(line => line.replaceAll(/ {2,}/g, ' ').trim()).join('\n').trim().replace(/\\$/, '')
}

function prefixLines (text: string, prefix: string): string {
  return text.split('\n').map(line => (prefix + line).trimEnd()).join('\n')
}

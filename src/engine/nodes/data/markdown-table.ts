import type { Element } from 'domhandler'
import { isElement } from './html-document.ts'

/** A table of GitHub's Markdown; its first row is the head. */
export function writeTable (table: Element, writeCell: (cell: Element) => string): string {
  const rows = rowsOf(table).map(row => row.children.filter(isElement).filter(({ name }) => name === 'td' || name === 'th').map(cell => writeCell(cell).replaceAll('\n', ' ')))
  const [head, ...body] = rows.filter(row => row.length > 0)
  if (head === undefined) return ''
  const line = (cells: readonly string[]): string => `| ${head.map((_, place) => cells[place] ?? '').join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
}

/** Those of its sections too, and not those of tables within. */
function rowsOf (table: Element): readonly Element[] {
  return table.children.filter(isElement).flatMap(child => child.name === 'tr' ? [child] : ['thead', 'tbody', 'tfoot'].includes(child.name) ? rowsOf(child) : [])
}

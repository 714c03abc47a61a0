import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { Document, Element } from 'domhandler'
import { oneOf, STATIC } from '../../schemas.ts'
import { fieldPath } from '../field-path.ts'
import { attributeOf, innerHtml, outerHtml, visibleText } from './html-document.ts'
import { selectElements } from './html-select.ts'

export const HtmlValue = Type.Object({
  name: fieldPath('Name', 'The field for what is found.', { examples: ['title'] }),
  selector: Type.String({ title: 'Selector', description: 'A CSS selector.', minLength: 1, maxLength: 1000, examples: ['h1', 'ul.results > li a[href]'] }),
  return: Type.Optional(oneOf(['text', 'html', 'outerHtml', 'attribute'], {
    title: 'Return', description: 'The text that a reader sees, the HTML inside, the HTML with its own tag, or an attribute.', default: 'text', ...STATIC
  })),
  attribute: Type.Optional(Type.String({ title: 'Attribute', description: 'Which one, with return: attribute.', minLength: 1, maxLength: 128, examples: ['href'] })),
  list: Type.Optional(Type.Boolean({ title: 'List', description: 'All that fit as a list, instead of the first (null where none does).', default: false, ...STATIC }))
}, { additionalProperties: false })

export type HtmlValue = Static<typeof HtmlValue>

export function extractValue (document: Document, { selector, return: what = 'text', attribute, list = false }: HtmlValue, pointer: string): unknown {
  const found = selectElements(document, selector, `${pointer}/selector`, !list).map(element => read(element, what, String(attribute)))
  return list ? found.filter(value => value !== null) : found[0] ?? null
}

function read (element: Element, what: NonNullable<HtmlValue['return']>, attribute: string): string | null {
  switch (what) {
    case 'text': return visibleText(element, false)
    case 'html': return innerHtml(element)
    case 'outerHtml': return outerHtml(element)
    case 'attribute': return attributeOf(element, attribute.toLowerCase()) ?? null
  }
}

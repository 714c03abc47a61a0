import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import { parsePath, patchOf } from '../paths.ts'
import { eachItem } from './each-item.ts'
import { textOf } from './evaluated.ts'
import { sanitizeHtml } from './html-sanitize.ts'
import { markdownIt } from './markup-libraries.ts'
import { writeMarkdown } from './markdown-write.ts'

/** Characters: reading takes more than linear time for what is made to take it. */
const MAX_MARKDOWN = 262_144
/** Levels of lists and quotes; deeper ones are text. */
const MAX_NESTING = 50

const MarkdownParameters = Type.Object({
  operation: Type.Optional(oneOf(['toHtml', 'toMarkdown'], { title: 'Operation', description: 'toHtml: from Markdown (CommonMark, with tables and strikethrough). toMarkdown: from HTML.', default: 'toHtml', ...STATIC })),
  value: anyValue({ title: 'Value', description: 'The Markdown or the HTML.', examples: ['{{ $json.body }}'] }),
  rawHtml: Type.Optional(oneOf(['escape', 'sanitize', 'keep'], {
    title: 'HTML in Markdown',
    description: 'toHtml: escape shows it as text; sanitize keeps what only shows; keep keeps all, scripts too: for text that you wrote yourself.',
    default: 'escape',
    ...STATIC
  })),
  breaks: Type.Optional(Type.Boolean({ title: 'Breaks', description: 'toHtml: whether each line break stays one.', default: false, ...STATIC })),
  field: Type.Optional(fieldPath('Field', 'Where the result goes; by default html or markdown.', { examples: ['mail.html'] }))
}, { additionalProperties: false })

type MarkdownParameters = Static<typeof MarkdownParameters>

export const markdown = defineNode({
  type: 'markdown',
  title: 'Markdown',
  description: 'Turns Markdown into HTML, and HTML into Markdown.',
  icon: 'file-text',
  category: 'data',
  effects: 'none',
  parameters: MarkdownParameters,
  check: ({ field }) => writingPathIssues(field, '/field'),
  run: context => eachItem(context, (parameters, { json }, from) => {
    const isReading = parameters.operation !== 'toMarkdown'
    const result = isReading ? toHtml(parameters) : writeMarkdown(parameters.value, '/value')
    return { from, patch: patchOf(json, [[parsePath(parameters.field ?? (isReading ? 'html' : 'markdown')), result]]) }
  })
})

// Links of javascript:, data: and the like are not made links, whatever becomes of HTML.
function toHtml ({ value, rawHtml = 'escape', breaks = false }: MarkdownParameters): string {
  const MarkdownIt = markdownIt()
  const rendered = new MarkdownIt({ html: rawHtml !== 'escape', breaks, maxNesting: MAX_NESTING }).render(textOf(value, '/value', MAX_MARKDOWN))
  return rawHtml === 'sanitize' ? sanitizeHtml(rendered, '/value') : rendered
}

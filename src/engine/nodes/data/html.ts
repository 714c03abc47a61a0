import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { JsonObject } from '../../item.ts'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { fieldPath, writingPathIssues } from '../field-path.ts'
import { defineNode } from '../node-type.ts'
import type { ParameterIssue } from '../node-type.ts'
import { parsePath, patchOf } from '../paths.ts'
import type { Write } from '../paths.ts'
import { eachItem } from './each-item.ts'
import { listOf, textOf } from './evaluated.ts'
import { escapeHtml } from '../../../lib/escape-html.ts'
import { MAX_HTML, parseHtml, visibleText } from './html-document.ts'
import { extractValue, HtmlValue } from './html-extract.ts'
import { sanitizeHtml } from './html-sanitize.ts'
import { selectorProblem } from './html-select.ts'

const operations = ['extract', 'template', 'text', 'sanitize'] as const
const DEFAULT_FIELD = 'html'

const HtmlParameters = Type.Object({
  operation: Type.Optional(oneOf(operations, {
    title: 'Operation',
    description: 'extract: values by CSS selectors. template: HTML with expressions in it. text: what a reader sees. sanitize: HTML without anything that acts.',
    default: 'extract',
    ...STATIC
  })),
  html: Type.Optional(anyValue({ title: 'HTML', description: 'extract, text, sanitize: the HTML.', examples: ['{{ $json.body }}'] })),
  values: Type.Optional(Type.Array(HtmlValue, { title: 'Values', description: 'extract: what to find.', minItems: 1, maxItems: 100 })),
  template: Type.Optional(Type.String({ title: 'Template', description: 'template: HTML; what its expressions give is escaped.', examples: ['<h1>Dear {{ $json.name }}</h1>'] })),
  escape: Type.Optional(Type.Boolean({ title: 'Escape', description: 'template: whether what expressions give is text, and not HTML.', default: true, ...STATIC })),
  field: Type.Optional(fieldPath('Field', 'template, text, sanitize: where the result goes.', { default: DEFAULT_FIELD, examples: ['mail.html'] }))
}, { additionalProperties: false })

type HtmlParameters = Static<typeof HtmlParameters>

export const html = defineNode({
  type: 'html',
  title: 'HTML',
  description: 'Finds values in HTML, fills HTML templates, and makes HTML safe or plain.',
  icon: 'code-xml',
  category: 'data',
  effects: 'none',
  parameters: HtmlParameters,
  check: parameters => checkHtml(parameters as HtmlParameters),
  escapeFor: (parameters, pointer) => pointer === '/template' && parameters['escape'] !== false ? escapeHtml : undefined,
  run: context => eachItem(context, (parameters, { json }, from) => ({ from, patch: patchFor(parameters, json) }))
})

function patchFor (parameters: HtmlParameters, json: JsonObject): JsonObject {
  const { operation = 'extract', field = DEFAULT_FIELD } = parameters
  if (operation === 'extract') {
    const document = parseHtml(parameters.html, '/html')
    return patchOf(json, listOf(parameters.values, '/values').map((value, index): Write => [parsePath(String(value.name)), extractValue(document, value, `/values/${index}`)]))
  }
  return patchOf(json, [[parsePath(field), resultOf(parameters, operation)]])
}

function resultOf (parameters: HtmlParameters, operation: 'template' | 'text' | 'sanitize'): string {
  switch (operation) {
    case 'template': return textOf(parameters.template, '/template', MAX_HTML)
    case 'text': return visibleText(parseHtml(parameters.html, '/html'), false)
    case 'sanitize': return sanitizeHtml(parameters.html, '/html')
  }
}

function checkHtml ({ operation = 'extract', html, values, template, field }: HtmlParameters): readonly ParameterIssue[] {
  const issues: ParameterIssue[] = [...writingPathIssues(field, '/field')]
  const report = (pointer: string, message: string): void => { issues.push({ pointer, message, code: 'WC_HTML' }) }
  if (operation === 'template' ? template === undefined : html === undefined) report(operation === 'template' ? '/template' : '/html', `${operation} needs this`)
  if (operation === 'extract' && values === undefined) report('/values', 'extract needs the values to find')
  for (const [index, { name, selector, return: what, attribute }] of (values ?? []).entries()) {
    issues.push(...writingPathIssues(name, `/values/${index}/name`))
    if ((what === 'attribute') !== (attribute !== undefined)) report(`/values/${index}/attribute`, 'attribute goes with return: attribute, which needs it')
    const problem = selector.includes('{{') ? null : selectorProblem(selector)
    if (problem !== null) issues.push({ pointer: `/values/${index}/selector`, message: `this is not a CSS selector: ${problem}`, code: 'WC_HTML_SELECTOR' })
  }
  return issues
}

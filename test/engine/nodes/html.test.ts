import t from 'tap'
import { compileParameters } from '../../../src/engine/expression/index.ts'
import { html } from '../../../src/engine/nodes/data/html.ts'
import { mainOf } from '../../support/run-node.ts'
import { makeScope } from '../../support/expression-scope.ts'

const PAGE = '<!doctype html><title>T</title><h1 id=top>Hello &amp; <b>welcome</b></h1><ul><li><a href="/1">One</a><li><a href="/2" CLASS=x>Two</a></ul><script>alert(1)</script>'

async function extract (value: object, page: unknown = PAGE): Promise<unknown> {
  return (await mainOf(html, [{ id: 1 }], { html: page, values: [{ name: 'found', ...value }] }))[0]?.found
}

t.test('values by selectors: text, HTML, attributes, one or all', async t => {
  t.equal(await extract({ selector: 'h1' }), 'Hello & welcome')
  t.equal(await extract({ selector: 'h1', return: 'html' }), 'Hello &amp; <b>welcome</b>')
  t.equal(await extract({ selector: 'h1 b', return: 'outerHtml' }), '<b>welcome</b>')
  t.same(await extract({ selector: 'a', list: true }), ['One', 'Two'])
  t.same(await extract({ selector: 'li > a[href]', return: 'attribute', attribute: 'HREF', list: true }), ['/1', '/2'])
  t.equal(await extract({ selector: 'li:nth-child(2) a.x' }), 'Two')
  t.equal(await extract({ selector: 'nothing' }), null)
  t.same(await extract({ selector: 'a', return: 'attribute', attribute: 'constructor', list: true }), [])
  t.same(await mainOf(html, [{ id: 1 }], { html: '<i>x</i>', values: [{ name: 'a.b', selector: 'i' }] }), [{ id: 1, a: { b: 'x' } }])
  t.equal(await extract({ selector: 'p' }, '<p>unclosed <i>and</p>wrong</i>'), 'unclosed and')
  t.equal(await extract({ selector: 'p' }, null), null)
})

t.test('plain text is what a reader sees', async t => {
  const [item] = await mainOf(html, [{}], { operation: 'text', html: PAGE + '<p>a<br>b</p><p>c</p>', field: 'text' })
  t.equal(item?.text, 'T Hello & welcome One Two a b c')
})

t.test('sanitized HTML shows and does nothing more', async t => {
  const sanitized = async (given: string) => (await mainOf(html, [{}], { operation: 'sanitize', html: given }))[0]?.html
  t.equal(await sanitized('<p onclick="x()" style="a" title="&quot;">a<script>x</script><custom>b</custom></p><br>'), '<p title="&quot;">a' + 'b</p><br>')
  t.equal(await sanitized('<a href="https://a.example/?x=1&y=2" target=_top>x</a>'), '<a href="https://a.example/?x=1&amp;y=2" rel="nofollow noopener noreferrer">x</a>')
  for (const url of ['javascript:alert(1)', ' JaVa\tScRiPt:alert(1)', '\u0001javascript:x', 'data:text/html,x', 'vbscript:x', 'java&#10;script:x', 'javascript&colon;x']) {
    t.notMatch(await sanitized(`<a href="${url}">x</a><img src="${url}">`), /href|src/, url)
  }
  for (const attack of [
    '<svg><script>x</script></svg>', '<math><mi xlink:href="data:x">', '<noscript><p title="</noscript><img src=x onerror=alert(1)>">', '<img src=x onerror=alert(1)//', '<scr<script>ipt>alert(1)</script>',
    '<iframe srcdoc="x">', '<style>@import x</style>', '<textarea><img src=x onerror=y></textarea>', '<a href=x onmouseover=y>', '<!--><script>x</script>', '<p/onload=x>', '<xmp><img onerror=x></xmp>', '<form action=javascript:x><button formaction=x>'
  ]) t.notMatch(await sanitized(attack), /<script|<svg|<iframe|<style|<form|<button|<[^>]* on\w+=|srcdoc/i, attack)
})

t.test('templates escape what expressions give, and nothing else', async t => {
  const parameters = { operation: 'template', template: '<b title="{{ $json.t }}">{{ $json.a }}</b>{{ $json.n }}{{ $json.o }}' }
  const evaluate = (more: object = {}) => {
    const given = { ...parameters, ...more }
    const { evaluate } = compileParameters(given, { escape: pointer => html.escapeFor?.(given, pointer) })
    return (evaluate(makeScope({ json: { t: '">', a: '<script>&\'', n: 5, o: { x: '<' } } })) as { template: string }).template
  }
  t.equal(evaluate(), '<b title="&quot;&gt;">&lt;script&gt;&amp;&#39;</b>5{&quot;x&quot;:&quot;&lt;&quot;}')
  t.equal(evaluate({ template: '{{ $json.a }}' }), '&lt;script&gt;&amp;&#39;', 'also where one expression is all of it')
  t.equal(evaluate({ escape: false, template: '{{ $json.a }}!' }), '<script>&\'!')
  t.same(await mainOf(html, [{}], { operation: 'template', template: '<p>x</p>', field: 'mail.html' }), [{ mail: { html: '<p>x</p>' } }])
})

t.test('hostile HTML and selectors end soon, and with a reason', async t => {
  const code = (promise: Promise<unknown>) => promise.then(() => 'fine', (error: { code: string }) => error.code)
  t.equal(await code(extract({ selector: 'a' }, '<div>'.repeat(100_000))), 'WC_HTML_LIMIT')
  t.equal(await code(extract({ selector: 'a' }, '<p>'.repeat(600_000))), 'WC_HTML_LIMIT')
  t.equal(await code(extract({ selector: 'a' }, 'x'.repeat(5_000_000))), 'WC_PARAMETER')
  const wide = '<ul>' + '<li>x'.repeat(100_000) + '</ul>'
  for (const selector of ['li:nth-child(2n)', 'li:nth-last-of-type(3) ~ li', 'q ~ li']) t.equal(await code(extract({ selector, list: true }, wide)), 'WC_HTML_LIMIT', selector)
  for (const selector of ['[', 'a::b', ':nope(', 'a'.repeat(2000)]) t.equal(await code(extract({ selector })), 'WC_HTML_SELECTOR', selector.slice(0, 20))
  t.equal(await code(extract({ selector: '[constructor^=a], [__proto__], [toString="x"]', list: true })), 'fine')
  t.same(await extract({ selector: 'li', list: true }, '<li __proto__=x constructor=y>a'), ['a'])
  t.equal(await code(mainOf(html, [{}], { html: 'x', values: 'y' })), 'WC_PARAMETER')
  t.equal(await code(mainOf(html, [{}], { html: 'x', values: [{ name: '__proto__', selector: 'a' }] })), 'WC_FIELD_PATH')
  t.equal(({} as { x?: unknown }).x, undefined)
})

t.test('validation', async t => {
  t.match(html.check?.({}), [{ pointer: '/html', code: 'WC_HTML' }, { pointer: '/values', code: 'WC_HTML' }])
  t.match(html.check?.({ operation: 'template' }), [{ pointer: '/template' }])
  t.match(html.check?.({ html: 'x', values: [{ name: 'a..b', selector: '[', return: 'attribute' }] }), [
    { pointer: '/values/0/name', code: 'WC_FIELD_PATH' }, { pointer: '/values/0/attribute', code: 'WC_HTML' }, { pointer: '/values/0/selector', code: 'WC_HTML_SELECTOR' }
  ])
})

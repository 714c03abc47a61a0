import t from 'tap'
import { markdown } from '../../../src/engine/nodes/data/markdown.ts'
import { mainOf } from '../../support/run-node.ts'
import { cpuTime } from '../../support/cpu-time.ts'

const toHtml = async (value: unknown, more: object = {}) => (await mainOf(markdown, [{}], { value, ...more }))[0]?.html
const toMarkdown = async (value: unknown) => (await mainOf(markdown, [{}], { operation: 'toMarkdown', value }))[0]?.markdown

t.test('Markdown becomes HTML', async t => {
  t.equal(await toHtml('# Hi\n\n- *a*\n- **b** ~~c~~\n'), '<h1>Hi</h1>\n<ul>\n<li><em>a</em></li>\n<li><strong>b</strong> <s>c</s></li>\n</ul>\n')
  t.match(await toHtml('| a | b |\n|---|---|\n| 1 | 2 |'), '<td>2</td>')
  t.equal(await toHtml('a\nb', { breaks: true }), '<p>a<br>\nb</p>\n')
  t.equal(await toHtml(null), '')
})

t.test('HTML in Markdown is text, or safe, or kept', async t => {
  const source = 'x <b onclick="y">z</b> <script>alert(1)</script>'
  t.equal(await toHtml(source), '<p>x &lt;b onclick=&quot;y&quot;&gt;z&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt;</p>\n')
  t.equal(await toHtml(source, { rawHtml: 'sanitize' }), '<p>x <b>z</b> </p>\n')
  t.equal(await toHtml(source, { rawHtml: 'keep' }), `<p>${source}</p>\n`)
  for (const link of ['[x](javascript:alert(1))', '[x](JaVaScRiPt:alert(1))', '![x](data:text/html,y)', '<javascript:alert(1)>', '[x]\n\n[x]: vbscript:y']) t.notMatch(await toHtml(link), /href|src/, link)
})

t.test('HTML becomes Markdown', async t => {
  const cases: [string, string][] = [
    ['<h2>A <i>b</i></h2><p>c<br>d</p>', '## A *b*\n\nc\\\nd'],
    ['<p>a <b>b </b>c</p><hr><blockquote><p>q</p><p>r</p></blockquote>', 'a **b** c\n\n---\n\n> q\n>\n> r'],
    ['<ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul><ol start=3><li>x<li>y</ol>', '- a\n\n  - b\n- c\n\n3. x\n4. y'],
    ['<pre><code class="language-js">a `` b\n  c\n</code></pre><p><code>x`y</code></p>', '```js\na `` b\n  c\n```\n\n``x`y``'],
    ['<a href="/a b(1)">t</a> <img src="i.png" alt="[x]"> <a href="javascript:x">j</a>', '[t](/a%20b%281%29) ![\\[x\\]](i.png) j'],
    ['<table><thead><tr><th>a</th><th>b</th></tr></thead><tr><td>1|</td></tr></table>', '| a | b |\n| --- | --- |\n| 1\\| |  |'],
    ['<div>1. a *b* _c_ &lt;d&gt;</div># x', '1\\. a \\*b\\* \\_c\\_ \\<d>\n\n\\# x'],
    ['<script>x</script><style>y</style>', '']
  ]
  for (const [html, expected] of cases) t.equal(await toMarkdown(html), expected, html)
})

t.test('there and back again', async t => {
  const source = '# Title\n\nText with **bold**, *italic*, `code` and a [link](https://example.com).\n\n- one\n- two\n\n> quoted'
  t.equal(await toMarkdown(await toHtml(source)), source)
})

t.test('hostile text ends soon', async t => {
  const size = 250_000
  for (const part of ['[', '![', '*a ', '**a_', '`', '<', '> ', '- ', '[a](', '[a](<', '&', '\\', '|', '~~a', '<a ', '[x]:', '_', '"', '<!--', '<?', '<![CDATA[']) {
    const started = cpuTime()
    await toHtml(part.repeat(size / part.length), { rawHtml: 'sanitize' }).catch((error: { code: string }) => { t.equal(error.code, 'WC_HTML_LIMIT') })
    const elapsed = cpuTime() - started
    t.ok(elapsed < 20_000, `${part} took ${Math.round(elapsed)} ms`)
  }
  await t.rejects(toHtml('x'.repeat(300_000)), { code: 'WC_PARAMETER' })
  await t.rejects(toMarkdown('<ul><li>'.repeat(1000)), { code: 'WC_HTML_LIMIT' })
  t.type(await toMarkdown('<b>'.repeat(200) + 'x'), 'string')
})

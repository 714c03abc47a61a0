import fc from 'fast-check'
import t from 'tap'
import { parseWebhookPath, WebhookPaths, webhookShape } from '../../src/engine/webhook-path.ts'

t.test('a path is taken apart, and its shape forgets names', async t => {
  t.strictSame(parseWebhookPath('orders/:id/lines'), [{ kind: 'text', text: 'orders' }, { kind: 'parameter', name: 'id' }, { kind: 'text', text: 'lines' }])
  t.equal(webhookShape('orders/:id/lines'), 'orders/:/lines')
  t.equal(webhookShape('orders/:id'), webhookShape('orders/:key'))
  t.not(webhookShape('orders/id'), webhookShape('orders/:id'))
})

function paths (...patterns: string[]): WebhookPaths<string> {
  const known = new WebhookPaths<string>()
  for (const pattern of patterns) known.add(pattern, pattern)
  return known
}

t.test('text wins over a parameter, from left to right', async t => {
  const known = paths('orders', 'orders/:id', 'orders/all', 'orders/all/:x/end', ':any/:id/a/other', 'a.b/~c')
  const match = (path: string): unknown => known.match(path)
  t.strictSame(match('orders'), { value: 'orders', params: {} })
  t.strictSame(match('orders/all'), { value: 'orders/all', params: {} })
  t.strictSame(match('orders/7'), { value: 'orders/:id', params: { id: '7' } })
  t.strictSame(match('orders/all/1/end'), { value: 'orders/all/:x/end', params: { x: '1' } })
  t.strictSame(match('orders/all/a/other'), { value: ':any/:id/a/other', params: { any: 'orders', id: 'all' } }, 'what leads nowhere is left again')
  t.strictSame(match('a.b/~c'), { value: 'a.b/~c', params: {} })
  for (const path of ['', 'order', 'Orders', 'orders/', 'orders//', '/orders', 'orders/all/1', 'orders/1/2']) t.equal(match(path), undefined, path)
})

t.test('segments are decoded once, and each by itself', async t => {
  const known = paths('files/:name', 'caf%C3%A9')
  t.strictSame(known.match('files/a%2Fb%20%C3%A9')?.params, { name: 'a/b é' })
  t.strictSame(known.match('files/%252e')?.params, { name: '%2e' })
  t.strictSame(known.match('%66iles/x')?.params, { name: 'x' })
  t.equal(known.match('caf%C3%A9'), undefined, 'the text of a pattern is not decoded')
  t.equal(known.match('files/%'), undefined)
  t.equal(known.match('files/%ff'), undefined)
  t.equal(Object.getPrototypeOf(known.match('files/x')?.params), Object.prototype)
})

t.test('hostile paths cost no more than the endpoints there are', async t => {
  const patterns = Array.from({ length: 2 ** 10 }, (_, bits) => Array.from({ length: 10 }, (_, place) => (bits >> place) & 1 ? 'a' : `:p${place}`).concat('end').join('/'))
  const known = paths(...patterns)
  const path = 'a/'.repeat(10) + 'nothing'
  const start = process.cpuUsage()
  t.equal(known.match(path), undefined)
  t.equal(known.match('a/'.repeat(100_000)), undefined)
  const { user } = process.cpuUsage(start)
  t.ok(user < 500_000, `${user} µs`)
})

t.test('the most specific of all matching patterns is found', async () => {
  const segment = fc.constantFrom('a', 'b', ':x')
  fc.assert(fc.property(fc.uniqueArray(fc.array(segment, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12, selector: parts => parts.join('/') }), fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }), (patterns, path) => {
    const fits = patterns.filter(parts => parts.length === path.length && parts.every((part, index) => part === ':x' || part === path[index]))
    const best = fits.map(parts => parts.join('/')).sort((a, b) => rank(a) < rank(b) ? -1 : 1)[0]
    return paths(...patterns.map(parts => parts.join('/'))).match(path.join('/'))?.value === best
  }))
})

function rank (pattern: string): string {
  return pattern.split('/').map(part => part.startsWith(':') ? '1' : '0').join('')
}

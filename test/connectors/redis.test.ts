import { randomBytes } from 'node:crypto'
import t from 'tap'
import { redisAddress, isFault } from '../../src/config/addresses.ts'
import { createConnectors } from '../../src/connectors/index.ts'
import { redis } from '../../src/engine/nodes/outside/redis.ts'
import type { Credential } from '../../src/engine/credentials/index.ts'
import { missing } from '../support/deployment.ts'
import { nodeContext } from '../support/node-context.ts'

const limits = { timeout: 10_000, signal: new AbortController().signal }
const nowhere: Credential = { id: 'nowhere', type: 'redis', allowedHosts: null, data: { host: '127.0.0.1', port: 1 } }

t.test('what cannot be reached fails, and says why', async t => {
  const open = createConnectors({ allow: ['127.0.0.1/32'] })
  const closed = createConnectors({ allow: [] })
  t.teardown(async () => { await Promise.all([open.close(), closed.close()]) })
  await t.rejects(open.redis(nowhere, 'ping', [], limits), { code: 'WC_CONNECTION', message: /the connection was refused/ })
  await t.rejects(closed.redis({ ...nowhere, id: 'closed' }, 'ping', [], limits), { code: 'WC_EGRESS_BLOCKED' })
  await t.rejects(open.redis({ ...nowhere, id: 'bound', allowedHosts: ['redis.example.com'] }, 'ping', [], limits), { code: 'WC_CREDENTIAL_HOST' })
})

t.test('effects and what validation says', async t => {
  for (const [operation, effects] of [['get', 'idempotent'], ['set', 'idempotent'], ['increment', 'once'], ['pushBack', 'once'], ['publish', 'once'], ['{{ x }}', 'once'], ['toString', 'once']] as const) t.equal(redis.effectsOf!({ operation }), effects, operation)
  t.match(redis.check!({ operation: 'hashSet', key: 'a' }), [{ pointer: '/value' }, { pointer: '/field' }])
  t.match(redis.check!({ operation: 'expire', key: 'a' }), [{ pointer: '/ttl' }])
})

t.test('redis', { skip: missing('redis') }, async t => {
  const address = redisAddress({ REDIS_URL: process.env['TEST_REDIS_URL'] } as never)
  if (address === null || isFault(address)) throw new Error('TEST_REDIS_URL is not the URL of a Redis server')
  const credential: Credential = { id: 'redis', type: 'redis', allowedHosts: null, data: { ...address } }
  const connectors = createConnectors({ allow: ['127.0.0.0/8', '::1/128'] })
  const keyPrefix = `wc_test_${randomBytes(6).toString('hex')}:`
  t.teardown(async () => {
    for (const key of ['text', 'json', 'count', 'list', 'hash', 'set']) await connectors.redis(credential, 'del', [keyPrefix + key], limits)
    await connectors.close()
  })
  const run = async (parameters: object) => (await redis.run(nodeContext({ items: [{}], parameters: { keyPrefix, ...parameters } as never, connect: connectors, credential }))).outputs['main']![0]!.json!['value']

  t.equal(await run({ operation: 'set', key: 'text', value: 'ä\n' }), 'OK')
  t.equal(await run({ operation: 'get', key: 'text' }), 'ä\n')
  t.equal(await run({ operation: 'get', key: 'absent' }), null)
  await run({ operation: 'set', key: 'json', value: { a: 1 }, ttl: '1h' })
  t.equal(await run({ operation: 'get', key: 'json' }), '{"a":1}')
  t.ok(Number(await run({ operation: 'ttl', key: 'json' })) > 3_000_000)
  t.equal(await run({ operation: 'setIfAbsent', key: 'json', value: 'x' }), null)
  t.equal(await run({ operation: 'expire', key: 'text', ttl: '1h' }), 1)
  t.equal(await run({ operation: 'exists', key: 'text' }), 1)
  t.equal(await run({ operation: 'increment', key: 'count' }), 1)
  t.equal(await run({ operation: 'increment', key: 'count', by: 5 }), 6)
  t.equal(await run({ operation: 'pushBack', key: 'list', value: ['a', 'b', { c: 1 }] }), 3)
  t.equal(await run({ operation: 'pushFront', key: 'list', value: 'z' }), 4)
  t.same(await run({ operation: 'list', key: 'list' }), ['z', 'a', 'b', '{"c":1}'])
  t.equal(await run({ operation: 'popFront', key: 'list' }), 'z')
  t.equal(await run({ operation: 'popBack', key: 'list' }), '{"c":1}')
  await run({ operation: 'hashSet', key: 'hash', field: 'f', value: 1 })
  t.same(await run({ operation: 'hashAll', key: 'hash' }), { f: '1' })
  t.equal(await run({ operation: 'hashGet', key: 'hash', field: 'f' }), '1')
  t.equal(await run({ operation: 'setAdd', key: 'set', value: ['a', 'b'] }), 2)
  t.equal(await run({ operation: 'setRemove', key: 'set', value: 'a' }), 1)
  t.same(await run({ operation: 'setMembers', key: 'set' }), ['b'])
  t.type(await run({ operation: 'publish', key: 'channel', value: 'hello' }), 'number')
  t.equal(await run({ operation: 'delete', key: 'text' }), 1)
  await t.rejects(run({ operation: 'increment', key: 'list' }), { code: 'WC_REDIS', message: /WRONGTYPE/, detail: { retryable: false, data: { kind: 'WRONGTYPE' } } })
  await connectors.attempts.get('redis')!(credential, limits)
  await t.rejects(connectors.redis({ ...credential, id: 'wrong', data: { ...credential.data, username: 'nobody', password: 'wrong' } }, 'get', ['a'], limits), { code: /^WC_/ })
})

import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import t from 'tap'
import { insertCredential } from '../../../src/db/queries/credentials.ts'
import type { SecretReference } from '../../../src/engine/credentials/index.ts'
import { SecretStoreError } from '../../../src/lib/secret-store.ts'
import { createKeyring, localKey } from '../../../src/lib/secret-box.ts'
import { LocalHintBus } from '../../../src/queue/local-hint-bus.ts'
import { createCredentialSource } from '../../../src/services/credentials/source.ts'
import { createSecretResolver } from '../../../src/services/credentials/resolve-secrets.ts'
import { createVault } from '../../../src/services/credentials/vault.ts'
import { createSite } from '../../support/durable-path.ts'

t.test('credentials as steps get them', async t => {
  const site = await createSite(t)
  const { sql, organizationId } = site
  const vault = createVault(createKeyring(localKey(randomBytes(32))))
  const hints = new LocalHintBus()
  const tokens = { get: async () => { throw new Error('This test has no tokens') } }
  let now = Date.now()
  const log = pino({ level: 'silent' })
  const kept = new Map([['shop/api', { key: 'kept-elsewhere' }]])
  const store = {
    async read (_organization: string, path: string) {
      const fields = kept.get(path)
      if (fields === undefined) throw new SecretStoreError('notFound')
      return fields
    }
  }
  const secrets = createSecretResolver(store, { now: () => now, log })
  const source = createCredentialSource({ sql, vault, secrets, tokens, hints, now: () => now, log })
  t.teardown(() => { source.close() })

  async function keep (id: string, token: string | SecretReference, version = 1): Promise<void> {
    const content = typeof token === 'string' ? { data: { token } } : { data: {}, secretReferences: { token } }
    const sealed = await vault.seal({ organizationId, credentialId: id, version }, { ...content, allowedHosts: null })
    await sql`delete from credentials where id = ${id}`
    const audit = { id: site.nextId(), organizationId, actorType: 'system' as const, actorId: null, action: 'credential.created', targetType: 'credential', targetId: id, ip: null, requestId: null }
    await site.database.tenant(organizationId).run(async tx => await insertCredential(
      tx, organizationId, 'bearer', { id, name: 'Shop', version, ...sealed, publicData: '{}', secretFields: '["token"]', allowedHosts: null, secretReferences: null }, null, audit))
  }
  const tokenOf = async (id: string): Promise<unknown> => (await source.open(organizationId, id)).credential.data['token']

  await t.test('are opened once, and again after a change, a hint or not', async t => {
    const id = site.nextId()
    await keep(id, 'first-token')
    t.same(await source.open(organizationId, id), { credential: { id, type: 'bearer', data: { token: 'first-token' }, allowedHosts: null }, secrets: ['first-token'] })
    await keep(id, 'second-token', 2)
    t.equal(await tokenOf(id), 'first-token', 'from memory')
    hints.control({ type: 'credential', organizationId, credentialId: id })
    t.equal(await tokenOf(id), 'second-token')
    await keep(id, 'third-token', 3)
    now += 30_000
    t.equal(await tokenOf(id), 'third-token', 'a lost hint is made up for')
  })

  await t.test('are not kept where they changed while they were read', async t => {
    const id = site.nextId()
    await keep(id, 'old-token')
    const reading = source.open(organizationId, id)
    hints.control({ type: 'credential', organizationId, credentialId: id })
    await reading
    await keep(id, 'new-token', 2)
    t.equal(await tokenOf(id), 'new-token')
  })

  await t.test('take values out of the secret store, which are masked like others', async t => {
    const id = site.nextId()
    await keep(id, { path: 'shop/api', field: 'key' })
    t.same(await source.open(organizationId, id), { credential: { id, type: 'bearer', data: { token: 'kept-elsewhere' }, allowedHosts: null }, secrets: ['kept-elsewhere'] })
    const missing = site.nextId()
    await keep(missing, { path: 'shop/other', field: 'key' })
    await t.rejects(source.open(organizationId, missing), { code: 'WC_SECRET_NOT_FOUND' })
    t.same([...await sql`select id from credentials where secret::text like ${'%' + Buffer.from('kept-elsewhere').toString('hex') + '%'}`], [])
  })

  await t.test('of others, unknown or moved ones fail the step, clearly', async t => {
    const id = site.nextId()
    await keep(id, 'my-token')
    await source.open(organizationId, id)
    await t.rejects(source.open(site.nextId(), id), { code: 'WC_CREDENTIAL_UNKNOWN' }, 'another organization')
    await t.rejects(source.open(organizationId, site.nextId()), { code: 'WC_CREDENTIAL_UNKNOWN' })
    const copy = site.nextId()
    await keep(copy, 'copied-token')
    await sql`update credentials c set secret = o.secret, data_key = o.data_key from credentials o where c.id = ${copy} and o.id = ${id}`
    await t.rejects(source.open(organizationId, copy), { code: 'WC_CREDENTIAL_UNREADABLE', message: /changed, or moved/ })
    const other = createCredentialSource({ sql, vault: createVault(createKeyring(localKey(randomBytes(32)))), secrets, tokens, hints, now: () => now, log })
    await t.rejects(other.open(organizationId, id), { code: 'WC_CREDENTIAL_UNREADABLE', message: /key that is not configured/ })
    const away = createCredentialSource({ sql: (() => Promise.reject(new Error('canary'))) as never, vault, secrets, tokens, hints, now: () => now, log })
    await t.rejects(away.open(organizationId, id), { code: 'WC_CREDENTIAL_UNAVAILABLE', detail: { retryable: true } })
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { credentialTypes } from '../../src/engine/credentials/index.ts'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import { SecretStoreError } from '../../src/lib/secret-store.ts'
import { createVaultSecrets, type VaultSecretsOptions } from '../../src/lib/vault-secrets.ts'
import { openSecretStore } from '../../src/runtime/open-secret-store.ts'
import { createSecretResolver } from '../../src/services/credentials/resolve-secrets.ts'
import { startVault } from '../support/vault-server.ts'

const MINE = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'
const OTHERS = '01980a2b-7c3d-7e4f-8a5b-000000000002'
const vault = await startVault()
const { fetch, close } = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'test' })
t.teardown(async () => {
  await close()
  await vault.close()
})
const store = (more: Partial<VaultSecretsOptions> = {}) => createVaultSecrets({ address: vault.url, token: () => 'root', mount: 'secret', prefix: 'weconnect/{organizationId}', ...more }, fetch)
const requested = (): string | undefined => vault.requests.at(-1)?.url
const log = pino({ level: 'silent' })
vault.secrets.set(`weconnect/${MINE}/shop/api`, [{ token: 'first' }, { token: 'second', list: ['a', 'b'] }])
vault.secrets.set(`weconnect/${OTHERS}/shop/api`, [{ token: 'of-others' }])
vault.secrets.set('root-secret', [{ token: 'of the operator' }])

t.test('the newest version of a secret is read, with the token in a header', async t => {
  t.same(await store().read(MINE, 'shop/api'), { token: 'second', list: ['a', 'b'] })
  t.equal(requested(), `/v1/secret/data/weconnect/${MINE}/shop/api`)
  t.match(vault.requests.at(-1)?.headers, { 'x-vault-token': 'root', 'x-vault-request': 'true', 'x-vault-namespace': undefined })
  vault.secrets.set(`teams/a:tenants/${MINE}/automation/shop`, [{ token: 'deep' }])
  t.same(await store({ namespace: 'teams/a', prefix: 'tenants/{organizationId}/automation' }).read(MINE, 'shop'), { token: 'deep' })
})

t.test('what it answers otherwise says what to do', async t => {
  await t.rejects(store().read(MINE, 'shop/none'), new SecretStoreError('notFound'))
  vault.secrets.set(`weconnect/${MINE}/deleted`, [{ token: 'gone' }, null])
  await t.rejects(store().read(MINE, 'deleted'), new SecretStoreError('notFound'), 'its newest version was deleted')
  await t.rejects(store({ token: () => 'expired' }).read(MINE, 'shop/api'), new SecretStoreError('forbidden'))
  await t.rejects(store({ mount: 'elsewhere' }).read(MINE, 'shop/api'), new SecretStoreError('forbidden'), 'Vault does not say which engines it has')
  for (const [status, errors] of [[503, ['Vault is sealed']], [500, ['internal error']], [429, ['request path "secret/data": rate limit quota exceeded']], [307, []], [400, ['missing client token']]] as const) {
    vault.down = { status, errors }
    await t.rejects(store().read(MINE, 'shop/api'), new SecretStoreError('away'), String(status))
  }
  vault.down = null
  await t.rejects(store({ address: 'http://127.0.0.1:1' }).read(MINE, 'shop/api'), new SecretStoreError('away'))
  await t.rejects(store({ token: () => { throw new Error('no such file') } }).read(MINE, 'shop/api'), new SecretStoreError('away'))
})

t.test('no path leads out of the organization', async t => {
  const before = vault.requests.length
  const hostile = [
    '', '/', '..', '.', `../${OTHERS}/shop/api`, `x/../../${OTHERS}/shop/api`, 'shop/./api', 'shop//api', '/shop', 'shop/', `..%2f${OTHERS}%2fshop%2fapi`, '%2e%2e/x', `..\\${OTHERS}`, 'shop\\api', `..;/${OTHERS}`,
    'shop?version=1', 'shop#x', 'shop api', 'shop\n', 'shop\u0000', '．．/x', 'ｓhop', '{organizationId}', '.hidden', 'shop/.../x', '@evil.test/x', 'http://evil.test/'
  ]
  for (const path of hostile) await t.rejects(store().read(MINE, path), new SecretStoreError('notFound'), JSON.stringify(path))
  await t.rejects(store().read('..', 'root-secret'), new SecretStoreError('notFound'))
  t.equal(vault.requests.length, before, 'nobody was asked')
  for (const path of ['a', 'A_b-c.d@e/f.g', 'x..y']) {
    await t.rejects(store().read(MINE, path), new SecretStoreError('notFound'))
    t.equal(requested(), `/v1/secret/data/weconnect/${MINE}/${path}`, 'sent as it is')
  }
})

t.test('the token may be one that an agent renews in a file, and the configuration is judged at the start', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-vault-'))
  t.teardown(async () => { await rm(directory, { recursive: true }) })
  const file = join(directory, 'token')
  await writeFile(file, 'root\n')
  const env = { WECONNECT_SECRETS_VAULT_ADDRESS: `${vault.url}/`, WECONNECT_SECRETS_VAULT_TOKEN_FILE: file }
  const configured = openSecretStore(loadConfig(env, 'all'), fetch)!
  t.match(await configured.read(MINE, 'shop/api'), { token: 'second' })
  await writeFile(file, 'expired\n')
  await t.rejects(configured.read(MINE, 'shop/api'), new SecretStoreError('forbidden'))
  t.equal(openSecretStore(loadConfig({}, 'all'), fetch), null)
  const bad = [
    { ...env, WECONNECT_SECRETS_VAULT_TOKEN: 'x' }, { WECONNECT_SECRETS_VAULT_ADDRESS: vault.url }, { ...env, WECONNECT_SECRETS_VAULT_ADDRESS: 'vault:8200' },
    { ...env, WECONNECT_SECRETS_VAULT_PATH: 'weconnect' }, { ...env, WECONNECT_SECRETS_VAULT_PATH: 'a/{slug}' }, { ...env, WECONNECT_SECRETS_VAULT_MOUNT: '/secret/' }
  ]
  for (const wrong of bad) t.throws(() => loadConfig(wrong, 'all'), /WECONNECT_SECRETS_VAULT/, JSON.stringify(wrong))
})

t.test('values are put where they belong, kept for a moment, and asked for once', async t => {
  let now = 1000
  const resolver = createSecretResolver(store(), { now: () => now, log })
  const bearer = credentialTypes.get('bearer')!
  const reference = (field = 'token', path = 'shop/api') => ({ data: { testUrl: 'https://api.example.com' }, allowedHosts: ['api.example.com'], secretReferences: { token: { path, field } } })
  const resolve = async (content = reference(), organization = MINE, type = bearer) => await resolver.resolve(organization, type, content)
  const plain = { data: { token: 'mine' }, allowedHosts: null }
  t.equal(await resolver.resolve(MINE, bearer, plain), plain)
  const before = vault.requests.length
  const all = await Promise.all(Array.from({ length: 20 }, async () => await resolve()))
  t.same(all[19], { data: { token: 'second', testUrl: 'https://api.example.com' }, allowedHosts: ['api.example.com'] })
  t.equal(vault.requests.length, before + 1, 'twenty at once ask once')
  t.match(await resolve(reference(), OTHERS), { data: { token: 'of-others' } }, 'the same path of others is another secret')
  vault.secrets.get(`weconnect/${MINE}/shop/api`)!.push({ token: 'third', number: 7, space: 'two words', list: ['a', 'b'] })
  t.match(await resolve(), { data: { token: 'second' } }, 'from memory')
  now += 10_000
  t.match(await resolve(), { data: { token: 'third' } })

  const secrets = credentialTypes.get('webhookSecret')!
  const hook = (field: string) => ({ data: {}, allowedHosts: null, secretReferences: { secrets: { path: 'shop/api', field } } })
  t.same((await resolver.resolve(MINE, secrets, hook('token'))).data, { secrets: ['third'] })
  t.same((await resolver.resolve(MINE, secrets, hook('list'))).data, { secrets: ['a', 'b'] })

  await t.rejects(resolve(reference('none')), { code: 'WC_SECRET_NOT_FOUND', message: /shop\/api has no field "none"/ })
  await t.rejects(resolve(reference('__proto__')), { code: 'WC_SECRET_NOT_FOUND' })
  await t.rejects(resolve(reference('token', 'shop/none')), { code: 'WC_SECRET_NOT_FOUND', message: /no secret shop\/none/ })
  for (const field of ['number', 'space', 'list']) await t.rejects(resolve(reference(field)), { code: 'WC_SECRET_INVALID', message: /^(?!.*two words)/ }, field)
  now += 10_000
  vault.down = { status: 503, errors: ['Vault is sealed'] }
  await t.rejects(resolve(), { code: 'WC_CREDENTIAL_UNAVAILABLE', detail: { retryable: true } })
  vault.down = null
  t.match(await resolve(), { data: { token: 'third' } }, 'a failure is not remembered')
  vault.tokens.clear()
  now += 10_000
  await t.rejects(resolve(), { code: 'WC_SECRET_FORBIDDEN', message: /token has expired/ })
  await t.rejects(createSecretResolver(null, { now: () => now, log }).resolve(MINE, bearer, reference()), { code: 'WC_SECRET_STORE_NONE' })
})

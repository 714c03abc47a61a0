import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import t from 'tap'
import { insertCredential } from '../../../src/db/queries/credentials.ts'
import { saveTokens } from '../../../src/db/queries/oauth2.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import { createKeyring, localKey, SecretBoxError, type Keyring } from '../../../src/lib/secret-box.ts'
import { createTransitKey } from '../../../src/lib/transit-key.ts'
import { listKeys, rotateKeys } from '../../../src/services/credentials/rotate-keys.ts'
import { createVault } from '../../../src/services/credentials/vault.ts'
import { SYSTEM } from '../../../src/services/audit.ts'
import { openSecrets } from '../../../src/services/event-subscriptions/secrets.ts'
import { createEventSubscriptions } from '../../../src/services/event-subscriptions/subscriptions.ts'
import { totpCode } from '../../../src/services/identity/totp.ts'
import { testIdentity } from '../../support/identity.ts'
import { createSite } from '../../support/durable-path.ts'

const ROWS = 30
const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)]
const site = await createSite(t)
const { sql, organizationId, database } = site
const ids: string[] = []

async function store (keyring: Keyring): Promise<string> {
  const vault = createVault(keyring)
  const id = site.nextId()
  const sealed = await vault.seal({ organizationId, credentialId: id, version: 1 }, { data: { token: `token-${id}` }, allowedHosts: null })
  const audit = { id: site.nextId(), organizationId, actorType: 'system' as const, actorId: null, action: 'credential.created', targetType: 'credential', targetId: id, ip: null, requestId: null }
  await database.tenant(organizationId).run(async tx => await insertCredential(tx, organizationId, 'bearer', { id, name: 'Shop', version: 1, ...sealed, publicData: '{}', secretFields: '["token"]', allowedHosts: null, secretReferences: null }, null, audit))
  const tokens = await vault.sealTokens({ organizationId, credentialId: id, version: 1 }, { accessToken: `access-${id}`, refreshToken: null, scope: null, client: 'c', allowedHosts: null })
  await saveTokens(sql, organizationId, id, { ...tokens, version: 1, expiresIn: null }, null)
  return id
}

/** Whether these keys open everything. */
async function openAll (keyring: Keyring): Promise<void> {
  const vault = createVault(keyring)
  const rows = await sql`select c.id, c.version, c.key_id, c.data_key, c.secret, k.version as token_version, k.key_id as token_key_id, k.data_key as token_data_key, k.secret as token_secret from credentials c join credential_tokens k on k.credential_id = c.id`
  if (rows.length !== ids.length) throw new Error('rows are missing')
  for (const row of rows) {
    const place = { organizationId, credentialId: row['id'] as string }
    const { data } = await vault.open({ ...place, version: row['version'] }, { type: 'bearer', version: 1, keyId: row['key_id'], dataKey: row['data_key'], secret: row['secret'] })
    const { accessToken } = await vault.openTokens({ ...place, version: row['token_version'] }, { keyId: row['token_key_id'], dataKey: row['token_data_key'], secret: row['token_secret'] })
    if (data['token'] !== `token-${row['id']}` || accessToken !== `access-${row['id']}`) throw new Error(`${row['id']} holds something else`)
  }
}

t.before(async () => {
  for (let n = 0; n < ROWS; n++) ids.push(await store(createKeyring(localKey(first))))
})

t.test('everything is wrapped anew, in batches, while others seal, and goes on after an interruption', async t => {
  const both = createKeyring(localKey(second), localKey(first))
  const seen: string[] = []
  const interrupted = rotateKeys({
    sql, keyring: both, batch: 4, report: ({ done, total }) => {
      seen.push(`${done} of ${total}`)
      if (done >= 8) throw new Error('killed')
    }
  })
  await t.rejects(interrupted, { message: 'killed' })
  t.same(seen, ['4 of 60', '8 of 60'])
  await openAll(both)
  t.same((await listKeys(sql, both)).map(({ state, count }) => [state, count]), [['current', 8], ['previous', 52]])
  // A process that has not been told of the new key yet.
  ids.push(await store(createKeyring(localKey(first), localKey(second))))
  const missing = await rotateKeys({ sql, keyring: createKeyring(localKey(third)), batch: 100, report () {} })
  t.match(missing, { done: 0, unreadable: 62 }, 'without the keys nothing is touched')
  t.match(await rotateKeys({ sql, keyring: both, batch: 7, report () {} }), { done: 54, total: 54, unreadable: 0 })
  await openAll(createKeyring(localKey(second)))
  t.match(await rotateKeys({ sql, keyring: both, batch: 7, report () {} }), { done: 0, total: 0, unreadable: 0 })
})

t.test('weconnect keys rotate, killed in the middle, goes on', { skip: database.embedded && 'the embedded database is of one process' }, async t => {
  const { host, port, path, username, password, database: name } = database.address
  const env = {
    PATH: process.env['PATH'],
    DB_HOST: host ?? path?.replace(/\/\.s\.PGSQL\.\d+$/, ''), DB_PORT: String(port ?? 5432), DB_USERNAME: username, DB_DATABASE: name, ...(password === undefined ? {} : { DB_PASSWORD: password }),
    JWT_SECRET: randomBytes(32).toString('base64'), WECONNECT_ENCRYPTION_KEY: third.toString('base64'), WECONNECT_PREVIOUS_ENCRYPTION_KEYS: `${second.toString('base64')},${first.toString('base64')}`
  }
  async function run (args: string[], killAt?: RegExp): Promise<{ code: number | null, output: string }> {
    const child = spawn(process.execPath, ['bin/weconnect.js', 'keys', ...args], { env })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (killAt?.test(output)) child.kill('SIGKILL')
      })
    }
    const code = await new Promise<number | null>(resolve => { child.on('close', resolve) })
    return { code, output }
  }
  const killed = await run(['rotate', '--batch', '1'], /^3 of 62$/m)
  t.equal(killed.code, null, killed.output)
  const all = createKeyring(localKey(third), localKey(second), localKey(first))
  await openAll(all)
  const listed = await run(['list'])
  t.match(listed.output, new RegExp(`^${localKey(second).id}  previous  [1-9]\\d*$`, 'm'), 'some are left')
  const resumed = await run(['rotate'])
  t.equal(resumed.code, 0, resumed.output)
  const [, done, total] = /Done: (\d+) of (\d+)\./.exec(resumed.output) ?? []
  t.equal(done, total)
  t.ok(Number(done) > 0 && Number(done) <= 59)
  await openAll(createKeyring(localKey(third)))
  for (const key of [first, second, third]) t.notOk((killed.output + listed.output + resumed.output).includes(key.toString('base64')))
  t.equal((await run(['turn'])).code, 2)
})

/** As HashiCorp Vault's transit engine answers, with a key of 32 bytes. */
async function startTransit (): Promise<{ url: string, state: { sealed: boolean, requests: number }, close: () => void }> {
  const key = randomBytes(32)
  const state = { sealed: false, requests: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      state.requests++
      const answer = (status: number, body: object): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)) }
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>
      if (state.sealed) return answer(503, { errors: ['Vault is sealed'] })
      if (request.headers['x-vault-token'] !== 'root') return answer(403, { errors: ['permission denied'] })
      const aad = Buffer.from(body['associated_data'] ?? '', 'base64')
      if (request.url === '/v1/kms/transit/encrypt/weconnect') {
        const nonce = randomBytes(12)
        const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
        const sealed = Buffer.concat([cipher.update(Buffer.from(body['plaintext']!, 'base64')), cipher.final()])
        return answer(200, { data: { ciphertext: `vault:v1:${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64')}`, key_version: 1 } })
      }
      if (request.url !== '/v1/kms/transit/decrypt/weconnect') return answer(404, { errors: [] })
      try {
        const sealed = Buffer.from(body['ciphertext']!.replace('vault:v1:', ''), 'base64')
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(aad).setAuthTag(sealed.subarray(-16))
        answer(200, { data: { plaintext: Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('base64') } })
      } catch {
        answer(400, { errors: ['cipher: message authentication failed'] })
      }
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state, close: () => { server.closeAllConnections(); server.close() } }
}

t.test('a key in HashiCorp Vault wraps and unwraps, and everything can move to it', async t => {
  const transit = await startTransit()
  const { fetch, close } = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'test' })
  t.teardown(async () => { await close(); transit.close() })
  const options = { address: transit.url, token: 'root', mount: 'kms/transit', key: 'weconnect' }
  const there = createKeyring(createTransitKey(options, fetch), localKey(third), localKey(second))
  t.match(await rotateKeys({ sql, keyring: there, batch: 50, report () {} }), { done: 62, unreadable: 0 })
  t.equal(transit.state.requests, 62)
  const only = createKeyring(createTransitKey(options, fetch))
  await openAll(only)
  t.same([...new Set((await sql`select key_id from credentials`).map(row => row['key_id']))], ['vault:kms/transit/weconnect'])

  const vault = createVault(only)
  const [id, twin] = ids
  const place = { organizationId, credentialId: id!, version: 1 }
  const [row] = await sql`select key_id as "keyId", data_key as "dataKey", secret from credentials where id = ${twin!}`
  await t.rejects(vault.open(place, row as never), new SecretBoxError('content'), 'a ciphertext of another row')
  transit.state.sealed = true
  await t.rejects(vault.open(place, row as never), new SecretBoxError('away'))
  await t.rejects(vault.seal(place, { data: {}, allowedHosts: null }), new SecretBoxError('away'))
  await t.rejects(rotateKeys({ sql, keyring: createKeyring(localKey(third), createTransitKey(options, fetch)), batch: 10, report () {} }), new SecretBoxError('away'), 'nothing counts as unreadable while the service is away')
  transit.state.sealed = false
  const denied = createVault(createKeyring(createTransitKey({ ...options, token: 'other' }, fetch)))
  await t.rejects(denied.open(place, row as never), new SecretBoxError('away'))
})

t.test('second factors of people and secrets of event subscriptions are wrapped anew too', async t => {
  const [before, after] = [createKeyring(localKey(randomBytes(32))), localKey(randomBytes(32))]
  const both = createKeyring(after, before.current)
  const time = { now: Date.now() }
  const identityWith = (keyring: Keyring) => testIdentity(database, { clock: () => time.now, nextId: site.nextId, keyring })
  const person = { email: 'ada@example.org', password: 'violet lantern 42 harbour', name: 'Ada', organizationName: 'Ada' }
  const old = identityWith(before)
  const { account } = await old.accounts.register(person, { ip: '127.0.0.1', userAgent: null, requestId: 'r' })
  const secret = fromBase32((await old.twoFactor.begin(account.id, person.password)).secret)
  const code = () => totpCode(secret, Math.floor(time.now / 30_000))
  await old.twoFactor.confirm(account.id, code(), SYSTEM)

  const subscriptionsWith = (keyring: Keyring) => createEventSubscriptions({ vault: createVault(keyring), nextId: site.nextId, now: () => time.now, onSubscribed () {} })
  const caller = { db: database.tenant(organizationId), origin: SYSTEM }
  const subscribed = await subscriptionsWith(before).create(caller, { url: 'https://example.org/hook', events: ['execution.failed'] })

  t.match(await rotateKeys({ sql, keyring: both, batch: 10, report () {} }), { done: 2 })
  t.match((await listKeys(sql, both)).find(({ id }) => id === before.current.id), { count: 0 })
  time.now += 30_000
  const fresh = createKeyring(after)
  await identityWith(fresh).twoFactor.check(account.id, code(), SYSTEM)
  time.now += 30_000
  await t.rejects(old.twoFactor.check(account.id, code(), SYSTEM), new SecretBoxError('key'), 'the old key alone opens it no more')
  const [row] = await sql`select key_id as "keyId", data_key as "dataKey", secret from event_subscriptions where id = ${subscribed.id}`
  t.equal((await openSecrets(createVault(fresh), { organizationId, subscriptionId: subscribed.id, version: 1 }, row as never)).current, subscribed.secret)
})

function fromBase32 (text: string): Buffer {
  const bits = [...text].map(digit => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(digit).toString(2).padStart(5, '0')).join('')
  return Buffer.from(bits.match(/.{8}/g)!.map(byte => parseInt(byte, 2)))
}

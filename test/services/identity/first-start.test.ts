import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createIdSource } from '../../../src/lib/ids.ts'
import { Problem } from '../../../src/lib/problem.ts'
import { ensureLocalOwner, ensureOwner } from '../../../src/services/identity/first-start.ts'
import { testDatabase } from '../../support/database.ts'
import { testIdentity } from '../../support/identity.ts'

const database = await testDatabase(t)
const clock = Date.now
const nextId = createIdSource(clock)
const identity = testIdentity(database, { clock, nextId, refreshLifetime: 1000 })
const empty = async () => { await database.service`delete from organizations`; await database.service`delete from users` }
const client = { ip: null, userAgent: null, requestId: null }

t.test('the owner that the configuration names', async t => {
  await empty()
  const owner = { email: 'boss@example.org', password: 'a passphrase for the boss' }
  const made = await Promise.all([1, 2, 3].map(async () => await ensureOwner(identity, owner)))
  t.equal(made.filter(Boolean).length, 1, 'processes that start at once make one')
  t.match((await identity.accounts.login(owner.email, owner.password, undefined, client)).account, { organizations: [{ slug: 'boss', role: 'owner' }] })
  t.equal(await ensureOwner(identity, { ...owner, email: 'second@example.org' }), false, 'only on an empty database')
  t.equal((await database.service`select 1 from users`).length, 1)
})

t.test('a weak password does not become an owner\'s', async t => {
  await empty()
  await t.rejects(ensureOwner(identity, { email: 'boss@example.org', password: 'changeme' }), Problem)
})

t.test('the local owner of the embedded default', async t => {
  await empty()
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true }) })
  const owner = await ensureLocalOwner(identity, { dataDir, nextId })
  if (owner === null) throw new Error('no owner was made')
  t.same(await readdir(dataDir), ['api-key'])
  t.equal((await readFile(owner.apiKeyFile, 'utf8')).trim(), owner.apiKey)
  t.equal((await stat(owner.apiKeyFile)).mode & 0o777, 0o600)
  t.match(await identity.apiKeys.authenticate(owner.apiKey), { organizationId: owner.organizationId })
  t.match((await identity.accounts.login(owner.email, owner.password, undefined, client)).account, { organizations: [{ name: 'Local', slug: 'local' }] })
  t.equal(await ensureLocalOwner(identity, { dataDir, nextId }), null, 'once')
  t.equal((await readFile(owner.apiKeyFile, 'utf8')).trim(), owner.apiKey, 'and the key stays')
})

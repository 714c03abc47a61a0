import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { ConfigError, loadConfig } from '../src/config.ts'
import { VARIABLES } from '../src/config/variables.ts'
import { startFailure } from '../src/runtime/start-failure.ts'
import { loadOrCreateSecrets, replaceStoredKey, resolveSecrets } from '../src/secrets.ts'

const SECRET = 'mX7qPz2LrT9vKc4WnB8sYd1FhGj6RuEa'
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 % 251)).toString('base64')
const SERVER = { DATABASE_URL: 'postgres://ann:p%40ss@db:6000/main', REDIS_URL: 'rediss://:pw@cache:6380/2', JWT_SECRET: SECRET, WECONNECT_ENCRYPTION_KEY: KEY }

function faultsOf (env: NodeJS.ProcessEnv, mode: 'all' | 'api' | 'worker' = 'all'): string[] {
  try {
    loadConfig(env, mode)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults.map(({ variable }) => variable).sort()
  }
}

function messageOf (env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(env, 'api')
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

t.test('an empty environment is the embedded default', async t => {
  const config = loadConfig({}, 'all')
  t.equal(config.database, null)
  t.equal(config.redis, null)
  t.match(config.server, { port: 3000, host: '127.0.0.1', maxBodySize: 16_777_216, rateLimit: 0, trustProxy: false })
  t.match(config.queue, { prefix: 'weconnect', attempts: 3, backoffDelay: 2000, removeOnComplete: { age: 3600, count: 100 }, removeOnFail: { age: 86_400, count: 500 } })
  t.match(config.auth, { accessLifetime: 900_000, refreshLifetime: 2_592_000_000 })
  t.throws(() => { (config.server as { port: number }).port = 1 }, TypeError, 'frozen, its parts too')
})

t.test('whose word about clients is taken', async t => {
  const trusted = (text: string) => loadConfig({ WECONNECT_TRUST_PROXY: text }, 'all').server.trustProxy
  t.strictSame(['false', '0', 'true', '1', '3', '10.0.0.0/8, 2001:db8::/32,192.0.2.7'].map(trusted), [false, false, 1, 1, 3, ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7']])
  for (const wrong of ['yes', '-1', '1.5', 'proxy.example.org', '10.0.0.0/33', '10.0.0.0/8/8', '2001:db8::/129', '1,2']) t.strictSame(faultsOf({ WECONNECT_TRUST_PROXY: wrong }), ['WECONNECT_TRUST_PROXY'], wrong)
})

t.test('every fault is named at once, with what to do, and without the secret itself', async t => {
  const env = { PORT: 'eighty', LOG_LEVEL: 'loud', JWT_SECRET: 'hunter2', JWT_EXPIRES_IN: '15 minutes', WECONNECT_EGRESS_ALLOW: '10.0.0.0/33', WECONNECT_EGRESS_PROXY: 'http://50%:pass@proxy', WECONNECT_PUBLIC_URL: 'ftp://x', WECONNECT_OWNER_EMAIL: 'a@b.example' }
  t.same(faultsOf(env, 'api'), [
    'DATABASE_URL', 'JWT_EXPIRES_IN', 'JWT_SECRET', 'LOG_LEVEL', 'PORT', 'REDIS_URL', 'WECONNECT_EGRESS_ALLOW', 'WECONNECT_EGRESS_PROXY', 'WECONNECT_ENCRYPTION_KEY', 'WECONNECT_OWNER_PASSWORD', 'WECONNECT_PUBLIC_URL'
  ])
  t.throws(() => loadConfig(env, 'api'), { message: /PORT is "eighty": set it to a whole number from 0 to 65535\./ })
  t.notMatch(messageOf(env), /hunter2/)
})

t.test('encryption keys come from the environment or a file, the first one seals', async t => {
  const OTHER = Buffer.from(KEY, 'base64').reverse().toString('base64')
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-keys-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  const path = join(directory, 'keys')
  const { WECONNECT_ENCRYPTION_KEY: _own, ...rest } = SERVER
  const keysOf = async (env: NodeJS.ProcessEnv) => {
    const { encryptionKey, previousKeys } = await resolveSecrets(loadConfig(env, 'all'))
    return [encryptionKey, ...previousKeys].map(key => key.toString('base64'))
  }
  t.same(await keysOf({ ...SERVER, WECONNECT_PREVIOUS_ENCRYPTION_KEYS: OTHER }), [KEY, OTHER])
  await writeFile(path, `# newest first\n${OTHER}\n\n${KEY}\n`)
  t.same(await keysOf({ ...rest, WECONNECT_ENCRYPTION_KEY_FILE: path }), [OTHER, KEY])
  await writeFile(path, 'not a key\n')
  await t.rejects(keysOf({ ...rest, WECONNECT_ENCRYPTION_KEY_FILE: path }), { message: /WECONNECT_ENCRYPTION_KEY_FILE.*base64/ })
  t.same(faultsOf({ ...SERVER, WECONNECT_ENCRYPTION_KEY_FILE: path }), ['WECONNECT_ENCRYPTION_KEY_FILE'])
  t.same(faultsOf({ ...SERVER, WECONNECT_PREVIOUS_ENCRYPTION_KEYS: `${KEY},short` }), ['WECONNECT_PREVIOUS_ENCRYPTION_KEYS'])
  t.same(faultsOf({ ...SERVER, WECONNECT_VAULT_ADDRESS: 'vault' }), ['WECONNECT_VAULT_ADDRESS', 'WECONNECT_VAULT_TOKEN'])
  const before = await loadOrCreateSecrets(directory)
  const after = await replaceStoredKey(directory)
  t.same(after.previousKeys, [before.encryptionKey])
  t.equal(after.jwtSecret, before.jwtSecret)
})

t.test('secrets: required beside a server, and never a placeholder', async t => {
  t.same(faultsOf({ DATABASE_URL: SERVER.DATABASE_URL }), ['JWT_SECRET', 'WECONNECT_ENCRYPTION_KEY'])
  t.same(faultsOf({ DB_HOST: 'db' }), ['JWT_SECRET', 'WECONNECT_ENCRYPTION_KEY'])
  for (const JWT_SECRET of ['secret', 'changeme', 'x'.repeat(64), 'your-super-secret-jwt-key-change-this-in-production', 'abababababababababababababababababab', 'short']) {
    t.same(faultsOf({ ...SERVER, JWT_SECRET }), ['JWT_SECRET'], JWT_SECRET)
  }
  for (const WECONNECT_ENCRYPTION_KEY of [Buffer.alloc(32).toString('base64'), KEY.slice(4), 'not base64 at all!']) {
    t.same(faultsOf({ ...SERVER, WECONNECT_ENCRYPTION_KEY }), ['WECONNECT_ENCRYPTION_KEY'], WECONNECT_ENCRYPTION_KEY)
  }
  t.same(faultsOf({ ...SERVER, JWT_SECRET: '4f1c9a7be2d85036af7719c3d0e4b8256c' }), [], 'hexadecimal digits are a secret')
})

t.test('addresses come from a URL or from parts', async t => {
  const { database, redis } = loadConfig(SERVER, 'worker')
  t.same(database, { host: 'db', port: 6000, username: 'ann', password: 'p@ss', database: 'main' })
  t.same(redis, { host: 'cache', port: 6380, password: 'pw', database: 2, tls: true })
  const secrets = { JWT_SECRET: SECRET, WECONNECT_ENCRYPTION_KEY: KEY }
  t.same(loadConfig({ ...secrets, DB_HOST: 'h', DB_PORT: '1', DB_USERNAME: 'u', DB_PASSWORD: 'p', DB_DATABASE: 'd', REDIS_HOST: 'r' }, 'all'),
    { ...loadConfig({ ...secrets, DB_HOST: 'h' }, 'all'), database: { host: 'h', port: 1, username: 'u', password: 'p', database: 'd' }, redis: { host: 'r', port: 6379, database: 0, tls: false } })
  const at = (DATABASE_URL: string) => loadConfig({ ...secrets, DATABASE_URL }, 'all').database
  t.same(at('postgres:///app?host=/run/pg'), { path: '/run/pg/.s.PGSQL.5432', username: 'postgres', database: 'app' })
  t.same(at('postgresql://u@/app?host=/run/pg&port=7'), { path: '/run/pg/.s.PGSQL.7', username: 'u', database: 'app' })
  t.same(at('postgres://u@[::1]/app?sslmode=require'), { host: '::1', port: 5432, username: 'u', database: 'app', ssl: 'require' })
  t.match(at('postgres://u@h/d?password=100%25'), { password: '100%' }, 'a password of the query is decoded once')
  for (const bad of ['mysql://h/d', 'postgres://h', 'h:5432', 'postgres://h/d?sslmode=maybe', 'postgres://h/%zz', 'postgres://h:0/d', 'postgres://h/d?port=abc', 'postgres://h/d?port=99999']) {
    t.same(faultsOf({ ...SERVER, DATABASE_URL: bad }), ['DATABASE_URL'], bad)
  }
  for (const bad of ['http://cache', 'redis://cache:0']) t.same(faultsOf({ ...SERVER, REDIS_URL: bad }), ['REDIS_URL'], bad)
})

t.test('a mistyped variable is pointed out, an empty one counts as not set', async t => {
  t.match(loadConfig({ WECONNECT_DATADIR: '/x', PORT: '' }, 'all'), { warnings: [/did you mean WECONNECT_DATA_DIR\?/], server: { port: 3000 } })
})

t.test('what keeps a process from starting is said with what to do', async t => {
  const failure = (code: string, more: object, env: NodeJS.ProcessEnv = {}, mode: 'all' | 'worker' = 'all'): string | undefined =>
    startFailure(new Error('outer', { cause: Object.assign(new Error(`${code}: why`), { code, ...more }) }), loadConfig({ WECONNECT_DATA_DIR: '/srv/data', ...env }, mode))
  t.match(failure('EADDRINUSE', { syscall: 'listen', port: 3000 }), 'Port 3000 of 127.0.0.1 is in use by another process: stop that one, or set PORT to another port')
  t.match(failure('EADDRINUSE', { syscall: 'listen', port: 3001 }, { ...SERVER, WECONNECT_WORKER_PORT: '3001' }, 'worker'), 'set WECONNECT_WORKER_PORT')
  t.match(failure('EACCES', { syscall: 'listen', port: 80 }, { PORT: '80' }), 'set PORT to a port from 1024 on')
  t.match(failure('EADDRNOTAVAIL', { syscall: 'listen', port: 3000 }, { HOST: '192.0.2.1' }), '192.0.2.1 is no address of this machine: set HOST')
  t.match(failure('ENOTFOUND', { syscall: 'getaddrinfo', hostname: 'nowhere' }, { HOST: 'nowhere' }), 'nowhere is no address of this machine')
  for (const path of ['/srv', '/srv/data', '/srv/data/files/x']) t.match(failure('EACCES', { path }), /^The data directory \/srv\/data cannot be written \(EACCES: why\).*WECONNECT_DATA_DIR/, path)
  t.match(failure('EROFS', { syscall: 'listen', address: '/srv/data/lock/x.sock', port: -1 }), 'WECONNECT_DATA_DIR', 'a socket of ours is no port')
  t.match(failure('ENOSPC', {}), /is on a disk that is full .*make room/)
  t.match(failure('EACCES', { path: '/mnt/files' }, { WECONNECT_STORAGE_DIR: '/mnt/files' }), /^The directory of files \/mnt\/files .*WECONNECT_STORAGE_DIR/)
  t.match(failure('EACCES', { path: '/srv/data' }, SERVER), 'WECONNECT_STORAGE_DIR', 'a database that is not embedded has no data directory')
  t.match(failure('42501', {}, SERVER), 'allowed to create roles')
  t.match(failure('3D000', {}, SERVER), 'create it, or name another in DATABASE_URL')
  t.match(failure('28P01', {}, SERVER), 'its password')
  t.match(failure('ECONNREFUSED', {}, SERVER), 'PostgreSQL cannot be reached')
  for (const code of ['ECONNREFUSED', 'XX000']) t.equal(failure(code, {}), undefined, 'what nobody foresaw keeps its stack')
})

t.test('the table of variables describes each one', async t => {
  t.ok(VARIABLES.length > 30)
  for (const { name, description, fix } of VARIABLES) t.ok(description.length > 3 && fix !== 'undefined', name)
})

t.test('generated secrets', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true }) })

  await t.test('processes that start at once agree on them', async t => {
    const script = `import { loadOrCreateSecrets } from ${JSON.stringify(new URL('../src/secrets.ts', import.meta.url).href)}\nprocess.stdout.write((await loadOrCreateSecrets(process.argv[2])).jwtSecret)`
    const file = join(dataDir, 'start.mjs')
    await writeFile(file, script)
    const runs = await Promise.all([1, 2, 3].map(async () => await promisify(execFile)(process.execPath, [...process.execArgv, file, join(dataDir, 'data')])))
    t.equal(new Set(runs.map(({ stdout }) => stdout)).size, 1)
    t.same(await readdir(join(dataDir, 'data')), ['secrets.json'], 'no draft is left')
    t.equal((await stat(join(dataDir, 'data', 'secrets.json'))).mode & 0o777, 0o600)
  })

  await t.test('a configured one wins, a damaged file stops the start', async t => {
    const path = join(dataDir, 'data', 'secrets.json')
    const stored = JSON.parse(await readFile(path, 'utf8')) as { jwtSecret: string, encryptionKey: string }
    const secrets = await resolveSecrets(loadConfig({ JWT_SECRET: SECRET, WECONNECT_DATA_DIR: join(dataDir, 'data') }, 'all'))
    t.equal(secrets.jwtSecret, SECRET)
    t.equal(secrets.encryptionKey.toString('base64'), stored.encryptionKey)
    await writeFile(path, '{"jwtSecret":""}')
    await t.rejects(loadOrCreateSecrets(join(dataDir, 'data')), /damaged/)
  })
})

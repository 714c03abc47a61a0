// `npm test [-- file…]`: runs test files, each in a process of its own, as many at once as there are cores. A file of tap's
// runs with nothing but Node; tap's own command adds hooks for coverage, mocks and a second compiler to each process, which
// nothing here uses and which cost a third of what a file takes.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { compileTests } from './compile-tests.js'
import { countAssertions } from './count-assertions.js'

const HELP = `npm test [-- [--jobs N] [--seconds N] file…]

Runs all files test/**/*.test.ts, or those that are named. Ends with a line "<n> passed, <n> failed, <n> skipped" (assertions).
The embedded database is used, or PostgreSQL and Redis where TEST_DATABASE_URL and TEST_REDIS_URL name them.

  --jobs N      how many files run at once (${availableParallelism()})
  --seconds N   no file is begun later than that; those that are left are named
`
const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Seconds. A file that needs more says so with `t.setTimeout`. */
const TIMEOUT = 150
/** What hangs without an end is killed, milliseconds. */
const LAST_RESORT = 330_000
/** Of the standard error output of a file that failed. */
const LAST_LINES = 60
/**
 * At the start of each process, of those that tests start too. V8 compiles WebAssembly quickly, and not again for speed in the
 * background: a test uses its database for seconds, and optimizing PGlite takes more CPU than all that the test asks of it.
 * NODE_OPTIONS does not take V8's own flags.
 */
const AT_START = "process.getBuiltinModule('v8').setFlagsFromString('--liftoff-only')"

const { values, positionals } = parseArgs({ allowPositionals: true, options: { jobs: { type: 'string', default: String(availableParallelism()) }, seconds: { type: 'string', default: 'Infinity' }, help: { type: 'boolean', default: false } } })
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const files = positionals.length > 0
  ? positionals
  : readdirSync(join(ROOT, 'test'), { recursive: true }).filter(name => name.endsWith('.test.ts')).sort().map(name => join('test', name))
const env = {
  ...process.env,
  TAP_TIMEOUT: String(TIMEOUT),
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=data:text/javascript,${encodeURIComponent(AT_START)}`.trim()
}

const compiled = await compileTests()
const template = await createTemplate(process.env.TEST_DATABASE_URL)

/** A migrated database on the server, of which tests take copies. */
async function createTemplate (serverUrl) {
  if (serverUrl === undefined) return { drop: async () => {} }
  const name = `wc_test_template_${process.pid}`
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const administer = async statement => {
    const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
    await sql.unsafe(statement).finally(async () => { await sql.end() })
  }
  await administer(`create database ${name}`)
  const secrets = { JWT_SECRET: randomBytes(48).toString('base64'), WECONNECT_ENCRYPTION_KEY: randomBytes(32).toString('base64') }
  const { status } = spawnSync(process.execPath, [join(ROOT, 'dist/migrate.js')], { env: { PATH: process.env.PATH, DATABASE_URL: url.href, LOG_LEVEL: 'warn', ...secrets }, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status === 0) env.TEST_DATABASE_TEMPLATE = name
  return { drop: async () => { await administer(`drop database if exists ${name} with (force)`) } }
}

/** Resolves when the process has ended, with what it printed. */
async function run (file) {
  const began = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', compiled(file)], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr']) child[stream].setEncoding('utf8').on('data', text => { output[stream] += text })
  const lastResort = setTimeout(() => child.kill('SIGKILL'), LAST_RESORT)
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => { resolve(end) })
  })
  clearTimeout(lastResort)
  return { code, signal, ...output, seconds: (performance.now() - began) / 1000 }
}

/** The numbers of one file. One that ends badly without a failed assertion, or that asserts nothing, has failed all the same. */
async function judge (file) {
  const { code, signal, stdout, stderr, seconds } = await run(file)
  const { passed, failed, skipped, told } = countAssertions(stdout.split('\n'))
  const lost = failed === 0 && (code !== 0 || passed + skipped === 0)
  if (lost) told.push(`FAILED: its process ended with ${signal ?? `exit code ${code}`} and no failed assertion`)
  if (told.length > 0) told.push(...stderr.trimEnd().split('\n').slice(-LAST_LINES))
  return { file, passed, failed: failed + (lost ? 1 : 0), skipped, told, seconds }
}

function tell ({ file, passed, failed, skipped, told, seconds }) {
  const counts = [`${passed} passed`, ...(failed > 0 ? [`${failed} FAILED`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')
  process.stdout.write([`${failed > 0 ? 'FAILED' : 'ok    '} ${relative(ROOT, join(ROOT, file))}: ${counts} (${seconds.toFixed(1)} s)`, ...told, ''].join('\n'))
}

const waiting = [...files]
const next = () => performance.now() < Number(values.seconds) * 1000 ? waiting.shift() : undefined
const results = []
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, async () => {
  for (let file = next(); file !== undefined; file = next()) {
    const result = await judge(file)
    results.push(result)
    tell(result)
  }
}))

await template.drop()
const bad = results.filter(({ failed }) => failed > 0)
if (bad.length > 0) {
  process.stdout.write('\nOnce more, what failed:\n\n')
  bad.forEach(tell)
}
if (waiting.length > 0) process.stdout.write(`No time was left for ${waiting.length} files: ${waiting.join(' ')}\n`)
const sum = name => results.reduce((total, result) => total + result[name], 0)
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`)
process.exitCode = sum('failed') === 0 ? 0 : 1

// Prints the test files that reach, through their imports, what reads TEST_DATABASE_URL or TEST_REDIS_URL: the
// others would do the same twice. Those come first that are about these services.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const READS = /\bTEST_(DATABASE|REDIS)_URL\b/
/** Whoever takes no more than this from where services are started has none on another database. */
const EMBEDDED_ONLY = /^import \{ deployEmbedded \} from .*$/gm
const IMPORT = /\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g

function reaches (file, seen = new Set()) {
  if (seen.has(file)) return false
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  if (READS.test(text)) return true
  const imported = [...text.replaceAll(EMBEDDED_ONLY, '').matchAll(IMPORT)].map(([, from, lazy]) => join(dirname(file), from ?? lazy))
  return imported.some(next => existsSync(next) && reaches(next, seen))
}

/** What is about PostgreSQL and Redis themselves; on a slow machine there may be no time for the others. */
const FIRST = [/^test\/(fault|services)\//, /^test\/(db|queue|contract|plugins|lib)\/|^test\/e2e\/(postgres|separate)/]

function rank (name) {
  const place = FIRST.findIndex(pattern => pattern.test(name))
  return place === -1 ? FIRST.length : place
}

const tests = readdirSync(join(root, 'test'), { recursive: true }).filter(name => name.endsWith('.test.ts')).sort()
const files = tests.map(name => join(root, 'test', name))
  // What is about the embedded database has run on it already.
  .filter(file => !/embedded/.test(file) && reaches(file))
  .map(file => relative(root, file))
for (const file of files.toSorted((a, b) => rank(a) - rank(b))) console.log(file)

// Fails where the lock file holds a version with a known fault: the least version without it, and why.
import { readFileSync } from 'node:fs'

const LEAST = {
  fastify: ['5.3.2', 'CVE-2025-32442: validation by content type could be passed by'],
  '@fastify/swagger-ui': ['2.1.0', 'CVE-2024-22207: files of its package were served'],
  'fast-jwt': ['5.0.6', 'CVE-2025-30144: an iss that is a list was accepted'],
  'find-my-way': ['9.0.1', 'CVE-2024-45813: expressions that take exponential time'],
  undici: ['7.5.0', 'CVE-2025-22150, CVE-2025-47279: boundaries that can be guessed; memory that certificates leak'],
  ws: ['8.17.1', 'CVE-2024-37890: many headers end the process'],
  mysql2: ['3.9.7', 'CVE-2024-21508, CVE-2024-21511: code from results'],
  nodemailer: ['7.0.11', 'CVE-2025-13033, CVE-2025-14874: addresses that go elsewhere, and that take forever'],
  'markdown-it': ['12.3.2', 'CVE-2022-21670: texts that take forever'],
  jose: ['4.15.5', 'CVE-2024-28176: compressed content that fills the memory'],
  semver: ['7.5.2', 'CVE-2022-25883: ranges that take forever']
}

const parts = version => version.split('-', 1)[0].split('.').map(Number)
const isLess = (left, right) => {
  const [a, b] = [parts(left), parts(right)]
  const at = a.findIndex((part, index) => part !== b[index])
  return at >= 0 && a[at] < b[at]
}

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
if (shipped.length < 50) throw new Error(`The lock file names ${shipped.length} packages that are shipped; that cannot be`)

const faults = shipped.flatMap(([path, { version }]) => {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const [least, why] = LEAST[name] ?? []
  return least !== undefined && isLess(version, least) ? [`${name} ${version}, at ${path}: needs ${least} (${why})`] : []
})
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 && isLess('7.4.9', LEAST.undici[0]) && !isLess('7.10.0', '7.5.0') ? 0 : 1

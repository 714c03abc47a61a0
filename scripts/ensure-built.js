// Builds when dist/ is missing or older than the sources, so that a clone needs one command and a rebuild is never forgotten.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = join(root, 'dist', '.built')

function newest (path) {
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  return Math.max(stats.mtimeMs, ...readdirSync(path).map(name => newest(join(path, name))))
}

// An installation without sources, as in the container image, has been built already.
const sources = ['src', 'drizzle', 'tsconfig.build.json', 'package-lock.json'].map(name => join(root, name))
const isFresh = !existsSync(sources[0]) ||
  (existsSync(stamp) && statSync(stamp).mtimeMs >= Math.max(...sources.filter(existsSync).map(newest)))

if (!isFresh) {
  process.stdout.write('Building (the sources changed) …\n')
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  process.exit(status ?? 1)
}

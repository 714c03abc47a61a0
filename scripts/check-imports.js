// Checks who imports whom against .dependency-cruiser.cjs, and that the rules bite: violations planted in a directory of
// its own must be found, each by its rule. A check that looked at nothing fails.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise } from 'dependency-cruiser'
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config'

const root = fileURLToPath(new URL('..', import.meta.url))
const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs')

/** One violation a rule: file, and what it says. The names on the right are files of the same table, or packages. */
const PLANTED = {
  'src/db/client.ts': "import '../services/act.ts'\nexport const service = 1",
  'src/services/act.ts': "import fastify from 'fastify'\nimport '../queue/bullmq.ts'\nexport const act = fastify",
  'src/queue/bullmq.ts': "import '../engine/decide.ts'\nexport const queue = 1",
  'src/engine/decide.ts': "import '../db/client.ts'\nimport 'node:fs'\nimport 'undici'\nexport const decide = 1",
  'src/lib/ids.ts': "import '../engine/decide.ts'\nexport const ids = 1",
  'src/schemas/problem.ts': "import '../services/act.ts'\nexport const problem = 1",
  'src/plugins/db.ts': "import '../routes/tenants.ts'\nexport const plugin = 1",
  'src/routes/tenants.ts': "import { service } from '../db/client.ts'\nimport '../runtime/runtime.ts'\nimport 'postgres'\nexport const route = service",
  'src/cli/tail.ts': "import '../services/act.ts'\nexport const tail = 1",
  'src/runtime/runtime.ts': "import '../main.ts'\nimport 'left-undeclared'\nimport 'tap'\nexport const runtime = 1",
  'src/main.ts': 'export const main = 1',
  'src/elsewhere/file.ts': "import '../lib/ids.ts'\nexport const file = 1",
  'src/lib/orphan.ts': 'export const orphan = 1'
}
const MUST_BITE = [
  'db-imports', 'services-packages', 'services-imports', 'queue-imports', 'engine-imports', 'engine-node', 'engine-packages', 'lib-imports',
  'schemas-imports', 'plugins-imports', 'routes-types-only', 'routes-imports', 'routes-packages', 'cli-imports', 'runtime-imports',
  'nobody-imports-entrypoints', 'every-file-has-a-layer', 'no-cycles', 'no-orphans', 'no-unresolved', 'no-development-packages'
]

async function check (baseDir) {
  const { output } = await cruise(['src'], { ...options, baseDir, ruleSet: { forbidden }, validate: true }, undefined, { tsConfig: extractTSConfig(join(root, 'tsconfig.json')) })
  return output
}

async function plant () {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-imports-'))
  try {
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
    await symlink(join(root, 'package.json'), join(directory, 'package.json'))
    await symlink(join(root, 'tsconfig.json'), join(directory, 'tsconfig.json'))
    for (const [file, text] of Object.entries(PLANTED)) {
      await mkdir(dirname(join(directory, file)), { recursive: true })
      await writeFile(join(directory, file), `${text}\n`)
    }
    const { summary } = await check(directory)
    return new Set(summary.violations.map(({ rule }) => rule.name))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const { modules, summary } = await check(root)
const cruised = modules.filter(({ source }) => source.startsWith('src/')).length
const found = await plant()
const problems = summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} → ${to}`)
if (cruised === 0) problems.push('no module was looked at')
problems.push(...MUST_BITE.filter(name => !found.has(name)).map(name => `the rule ${name} did not find what was planted for it`))

for (const problem of problems) console.error(problem)
console.log(`imports: ${cruised} modules, ${summary.totalDependenciesCruised} imports, ${forbidden.length} rules, ${MUST_BITE.length} planted violations found: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

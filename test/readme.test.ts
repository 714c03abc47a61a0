import t from 'tap'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { VARIABLES } from '../src/config/variables.ts'

const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/architecture.md', 'docs/files.md', 'docs/operations.md', 'docs/security.md', 'docs/adr/README.md']
const root = new URL('../', import.meta.url)

t.test('the table of the environment is what the configuration reads', async t => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const rows = readme.split('\n').filter(line => /^\| `[A-Z0-9_]+` \|/.test(line))
  t.same(rows, VARIABLES.map(({ name, default: value, description }) => `| \`${name}\` | ${value === null ? '' : `\`${value}\``} | ${description} |`))
})

t.test('commands of npm that the README shows exist', async t => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> }
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name!)
  t.ok(named.length >= 3)
  for (const name of named) t.ok(name in scripts, name)
})

for (const page of PAGES) {
  t.test(`links of ${page} lead to files that exist`, async t => {
    const text = await readFile(new URL(page, root), 'utf8')
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target!).filter(target => !/^[a-z]+:/.test(target))
    for (const link of links) t.ok(existsSync(new URL(link, new URL(page, root))), link)
    t.pass('looked at all')
  })
}

t.test('what the example of the environment names reaches the containers', async t => {
  const [example, compose] = await Promise.all(['.env.example', 'docker-compose.yml'].map(async name => await readFile(new URL(name, root), 'utf8')))
  const named = [...example!.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name!)
  t.ok(named.length >= 8)
  for (const name of named) t.ok(compose!.includes(`\${${name}:`), name)
  const [shared] = compose!.split('\nservices:')
  t.match(shared, /WECONNECT_PUBLIC_URL: /, 'workers too: they make the links that answer waiting executions')
})

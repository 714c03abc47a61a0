import { readFile } from 'node:fs/promises'
import t from 'tap'
import { compileTemplate } from '../../../src/engine/expression/index.ts'
import { knownNames } from '../../../src/engine/expression/compile/names.ts'
import { methodsNamed } from '../../../src/engine/expression/library/lookup.ts'
import { JSON_INPUT, makeScope } from '../../support/expression-scope.ts'

const page = await readFile(new URL('../../../docs/expressions.md', import.meta.url), 'utf8')

function blocks (language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((match) => match[1]!)
}

t.test('the examples give what the page says', async (t) => {
  t.strictSame(JSON.parse(blocks('json')[0]!), JSON_INPUT, 'the item shown is the one evaluated')
  const lines = blocks('expressions').flatMap((block) => block.trim().split('\n'))
  t.ok(lines.length > 15)
  for (const line of lines) {
    const [text, expected] = line.split('  →  ') as [string, string]
    t.strictSame(compileTemplate(text).evaluate(makeScope()), JSON.parse(expected), text)
  }
})

t.test('the names and methods on the page exist', async (t) => {
  const known = new Set(knownNames())
  const namesTable = page.slice(page.indexOf('## Names'), page.indexOf('There is no `process`'))
  const names = [...namesTable.matchAll(/`(\$?[A-Za-z]+)`/g)].map((match) => match[1]!).filter((name) => /^\$|^[A-Z]|URI/.test(name))
  for (const name of names) t.ok(known.has(name), name)
  const methods = page.slice(page.indexOf('## Methods beyond'), page.indexOf('```expressions', page.indexOf('## Methods beyond')))
  for (const [, name] of methods.matchAll(/`([a-z][A-Za-z0-9]*)/g)) t.not(methodsNamed(name!).length, 0, name!)
})

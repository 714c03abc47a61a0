// Compiles the sources and their tests to .cache/tests, a mirror of the project: what is not TypeScript is linked there. Node loads
// plain JavaScript without hooks; those of scripts/typescript, in a thread of their own, took a fifth of what a test file takes.
import { transform } from 'esbuild'
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MIRROR = join(ROOT, '.cache/tests')
const COMPILED = ['src', 'test']
/** Packages are found from the mirror as from everything else in the project: a second way to them would be a second place to be read from. */
const LEFT_OUT = [...COMPILED, 'node_modules', '.cache', '.git']
/** Modules that others name, by `import` and by `new URL(…, import.meta.url)`. */
const NAMED = /((?:\bfrom |\bimport |\bimport\(|\bnew URL\()"\.{1,2}\/[^"\n]+)\.ts"/g

/** @returns {Promise<(file: string) => string>} where the compiled file of a test lies */
export async function compileTests () {
  linkTheRest()
  const files = COMPILED.flatMap(folder => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile()).map(entry => join(entry.parentPath ?? entry.path, entry.name).slice(ROOT.length)))
  const wanted = new Set([...files, ...files.map(target)])
  for (const folder of COMPILED.filter(name => existsSync(join(MIRROR, name)))) {
    for (const entry of readdirSync(join(MIRROR, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name)
      if (entry.isFile() && !wanted.has(path.slice(MIRROR.length + 1))) rmSync(path)
    }
  }
  await Promise.all(files.map(compile))
  return file => join(MIRROR, target(file))
}

function target (file) {
  return file.replace(/\.ts$/, '.js')
}

async function compile (file) {
  const source = join(ROOT, file)
  const compiled = join(MIRROR, target(file))
  if (existsSync(compiled) && statSync(compiled).mtimeMs > statSync(source).mtimeMs) return
  mkdirSync(dirname(compiled), { recursive: true })
  copyFileSync(source, join(MIRROR, file))
  if (!file.endsWith('.ts')) return
  const { code } = await transform(readFileSync(source, 'utf8'), { loader: 'ts', format: 'esm', target: 'node20', sourcefile: source, sourcemap: 'inline', sourcesContent: false })
  writeFileSync(compiled, code.replaceAll(NAMED, '$1.js"'))
}

function linkTheRest () {
  mkdirSync(MIRROR, { recursive: true })
  const entries = readdirSync(ROOT).filter(name => !LEFT_OUT.includes(name))
  for (const name of readdirSync(MIRROR)) if (!COMPILED.includes(name) && !entries.includes(name)) rmSync(join(MIRROR, name), { recursive: true })
  for (const name of entries) {
    const link = join(MIRROR, name)
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(join(ROOT, name), link, statSync(join(ROOT, name)).isDirectory() ? 'junction' : 'file')
  }
}

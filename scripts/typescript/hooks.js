// Module hooks that compile TypeScript with esbuild. What was compiled once is kept under node_modules/.cache by the hash
// of its source, because a run of all tests starts hundreds of processes that load the same modules. They read synchronously:
// the hooks have a thread of their own, with nothing to do meanwhile, and promises of small files took a third of its time.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/weconnect-typescript', import.meta.url))
/** Raise it when the options below change. */
const EDITION = 1

export async function load (url, context, nextLoad) {
  if (!url.startsWith('file:')) return await nextLoad(url, context)
  const isOurs = url.endsWith('.ts') && !url.includes('/node_modules/')
  if (isOurs) return { format: 'module', shortCircuit: true, source: await compiled(fileURLToPath(url)) }
  // An ES module is taken as it is, past the hooks of tap, which would send its text through a channel to count its lines.
  if (context.format === 'module') return { format: 'module', shortCircuit: true, source: readFileSync(new URL(url)) }
  return await nextLoad(url, context)
}

async function compiled (path) {
  const source = readFileSync(path, 'utf8')
  const kept = join(CACHE, createHash('sha256').update(`${EDITION}\n${path}\n${source}`).digest('hex') + '.js')
  try {
    return readFileSync(kept)
  } catch {
    return await compile(path, source, kept)
  }
}

async function compile (path, source, kept) {
  const { transform } = await import('esbuild')
  const { code } = await transform(source, { loader: 'ts', format: 'esm', target: 'node20', sourcefile: path, sourcemap: 'inline', sourcesContent: false })
  mkdirSync(CACHE, { recursive: true })
  // Another process may read the file meanwhile: it appears whole, or not at all.
  const part = `${kept}.${process.pid}`
  writeFileSync(part, code)
  renameSync(part, kept)
  return code
}

// Module hooks that compile TypeScript with esbuild. What was compiled once is kept under node_modules/.cache by the hash
// of its source, because a run of all tests starts hundreds of processes that load the same modules.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/weconnect-typescript', import.meta.url))
/** Raise it when the options below change. */
const EDITION = 1

export async function load (url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return await nextLoad(url, context)
  const path = fileURLToPath(url)
  const source = await readFile(path, 'utf8')
  const kept = join(CACHE, createHash('sha256').update(`${EDITION}\n${path}\n${source}`).digest('hex') + '.js')
  return { format: 'module', shortCircuit: true, source: await readFile(kept, 'utf8').catch(async () => await compile(path, source, kept)) }
}

async function compile (path, source, kept) {
  const { transform } = await import('esbuild')
  const { code } = await transform(source, { loader: 'ts', format: 'esm', target: 'node20', sourcefile: path, sourcemap: 'inline', sourcesContent: false })
  await mkdir(CACHE, { recursive: true })
  // Another process may read the file meanwhile: it appears whole, or not at all.
  const part = `${kept}.${process.pid}`
  await writeFile(part, code)
  await rename(part, kept)
  return code
}

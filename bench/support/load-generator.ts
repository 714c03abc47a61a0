import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly non2xx: number
  /** milliseconds */
  readonly p50: number
  readonly p99: number
}

export const CONNECTIONS = 64

const run = promisify(execFile)

/** wrk where it is installed; the figures that the documentation names hold for it. */
export const generator = spawnSync('wrk', ['--version']).error === undefined ? 'wrk' : 'autocannon'

/** A JSON body of about 1 KB, an order that takes the longest way through the workflow. */
export const BODY = JSON.stringify({ quantity: 5, unitPrice: 30, customer: 'A-17', note: 'x'.repeat(950) })

/** Posts the body over and over on 64 connections. */
export async function load (url: string, seconds: number): Promise<LoadResult> {
  return generator === 'wrk' ? await loadWithWrk(url, seconds) : await loadWithAutocannon(url, seconds)
}

async function loadWithWrk (url: string, seconds: number): Promise<LoadResult> {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-bench-'))
  const script = join(directory, 'post.lua')
  await writeFile(script, `
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = ${JSON.stringify(BODY)}
done = function(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"seconds":%f,"non2xx":%d,"p50":%f,"p99":%f}\\n', summary.requests, summary.duration / 1e6, summary.errors.status, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end`)
  try {
    const { stdout } = await run('wrk', ['-t', '1', '-c', String(CONNECTIONS), '-d', `${seconds}s`, '--timeout', '10s', '-s', script, url])
    const line = /RESULT (\{.*\})/.exec(stdout)?.[1]
    if (line === undefined) throw new Error(`wrk gave no result:\n${stdout}`)
    return JSON.parse(line) as LoadResult
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function loadWithAutocannon (url: string, seconds: number): Promise<LoadResult> {
  const { stdout } = await run('npx', ['autocannon', '--json', '-c', String(CONNECTIONS), '-d', String(seconds), '-m', 'POST', '-H', 'content-type: application/json', '-b', BODY, url], { maxBuffer: 16 * 1024 * 1024 })
  const result = JSON.parse(stdout) as { requests: { total: number }, duration: number, non2xx: number, latency: { p50: number, p99: number } }
  return { requests: result.requests.total, seconds: result.duration, non2xx: result.non2xx, p50: result.latency.p50, p99: result.latency.p99 }
}

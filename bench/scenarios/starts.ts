import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers, freePort, ROOT, start } from '../support/processes.ts'

export interface Starts {
  /** milliseconds from the start of the process to its first answer */
  readonly first: number
  readonly warm: number
  /** Bytes, idle, ten seconds after the warm start */
  readonly idleMemory: number
}

const SETTLE = 10_000

/** How long an embedded start takes on an empty directory and on a used one, and what it holds when idle. */
export async function starts (): Promise<Starts> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-bench-'))
  try {
    const first = await once(dataDir, 0)
    const warm = await once(dataDir, SETTLE)
    return { first: first.milliseconds, warm: warm.milliseconds, idleMemory: warm.memory }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function once (dataDir: string, settle: number): Promise<{ milliseconds: number, memory: number }> {
  const port = await freePort()
  const began = performance.now()
  const process = start(join(ROOT, 'dist/main.js'), { WECONNECT_DATA_DIR: dataDir, PORT: String(port) })
  try {
    await answers(`http://127.0.0.1:${port}/readyz`)
    const milliseconds = performance.now() - began
    await new Promise(resolve => setTimeout(resolve, settle))
    return { milliseconds, memory: await process.memory() }
  } finally {
    await process.stop()
  }
}

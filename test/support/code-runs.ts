import { pino } from 'pino'
import type { JsonObject, OutputItem } from '../../src/engine/item.ts'
import { code as codeNode } from '../../src/engine/nodes/code.ts'
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts'
import { nodeContext } from './node-context.ts'

// tap puts a loader and an environment of its own into every process that a test starts; a sandbox has neither.
const hooks = (globalThis as Record<symbol, unknown>)[Symbol.for('process-on-spawn@*:singletonId')] as { listeners: unknown[] } | undefined
hooks?.listeners.splice(0)

export const MEMORY = 32 * 1024 * 1024

export function openSandbox (options: { processes?: number, idleTime?: number } = {}): Sandbox {
  return createSandbox({ processes: 4, memory: MEMORY, log: pino({ level: 'silent' }), ...options })
}

export interface CodeOptions {
  readonly items?: readonly JsonObject[]
  readonly mode?: 'all' | 'each'
  readonly timeout?: string
  readonly organization?: string
  readonly signal?: AbortSignal
}

export interface CodeOutcome {
  readonly items: readonly OutputItem[]
  readonly logs: readonly (readonly [level: string, text: string])[]
  readonly elapsed: number
}

/** Runs a code node for real, in processes of `sandbox`. Rejects with the step's error. */
export async function runCode (sandbox: Sandbox, code: string, options: CodeOptions = {}): Promise<CodeOutcome> {
  const { items = [{ n: 1 }, { n: 2 }, { n: 3 }], organization = 'organization', signal = new AbortController().signal, mode, timeout } = options
  const logs: Array<readonly [string, string]> = []
  const context = nodeContext({
    items,
    parameters: { code, ...(mode && { mode }), ...(timeout && { timeout }) },
    signal,
    runCode: async run => await sandbox.run(organization, run, signal),
    log: (level, text) => { logs.push([level, text]) }
  })
  const start = performance.now()
  const { outputs } = await codeNode.run(context)
  return { items: outputs['main'] ?? [], logs, elapsed: performance.now() - start }
}

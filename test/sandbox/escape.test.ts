import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openSandbox, runCode, type CodeOutcome } from '../support/code-runs.ts'

interface Payload { id: string, class: string, payload: string, expect: string }

const CANARY = 'canary-5c1e9f'
const PAYLOADS = JSON.parse(await readFile(new URL('../support/testdata/escape-payloads.json', import.meta.url), 'utf8')) as Payload[]
const ITEM = { evil: "{{ (()=>{}).constructor('return process.env.WC_CANARY')() }}", items: [{ json: { a: 1 } }] }
/** The helpers that payloads think are there, as code of the same sandbox. */
const HELPERS = 'const $fn = value => String(value), $credentials = {}, $env = {}, $secrets = {}\n'
const TIMEOUT = 400
const KILL_AFTER = 250

process.env['WC_CANARY'] = CANARY

const sandbox = openSandbox()
t.teardown(async () => { await sandbox.close() })

type Attempt = { outcome: CodeOutcome } | { error: unknown }

async function attempt (code: string, organization: string, timeout = `${TIMEOUT}ms`): Promise<Attempt> {
  return await runCode(sandbox, code, { items: [ITEM], timeout, organization }).then(outcome => ({ outcome }), (error: unknown) => ({ error }))
}

/** Errors may quote the source, so the canary is looked for, not the payload. */
function visible (attempt: Attempt): string {
  if ('outcome' in attempt) return JSON.stringify(attempt.outcome)
  const { message, stack, detail } = attempt.error as { message?: string, stack?: string, detail?: unknown }
  return `${message} ${stack} ${JSON.stringify(detail)}`
}

t.test('no payload gets out, and the next run is none the wiser', async t => {
  for (const { id, payload, expect } of PAYLOADS) {
    const started = performance.now()
    const neighbour = attempt('return { sum: $json.items.length + 1 }', 'neighbour', '1m')
    const attempts = [await attempt(`${HELPERS}return (${payload})`, 'hostile'), await attempt(`${HELPERS}return { value: (${payload}) }`, 'hostile')]
    const elapsed = performance.now() - started
    for (const made of attempts) {
      t.notMatch(visible(made), CANARY, `${id}: the environment stays out of reach`)
      if ('error' in made) t.match((made.error as { code?: string }).code, /^WC_CODE_(ERROR|RETURN|TIMEOUT|MEMORY|OUTPUT_SIZE|PENDING|SYNTAX)$/, `${id}: an error of the code`)
    }
    if (expect === 'limit_error') t.ok(attempts.every(made => 'error' in made), `${id}: stopped`)
    // A generous bound, since a busy machine is slow to start the process that follows a killed one; what ends a run is tested by itself.
    t.ok(elapsed < 2 * (TIMEOUT + KILL_AFTER) + 30_000, `${id}: ends (${Math.round(elapsed)} ms)`)
    t.equal(('wcPolluted' in {}), false, `${id}: no prototype is polluted here`)
    t.match(await neighbour, { outcome: { items: [{ json: { sum: 2 } }] } }, `${id}: a neighbour's run completes`)
    t.match(await attempt('return { polluted: "wcPolluted" in {}, left: Object.keys(globalThis).filter(name => /^(wc|x|y|leak)/.test(name)) }', 'hostile', '1m'),
      { outcome: { items: [{ json: { polluted: false, left: [] } }] } }, `${id}: nothing is left for the next run`)
  }
})

t.test('nothing of the host is a name', async t => {
  const names = ['require', 'process', 'Buffer', 'fetch', 'global', 'module', '__dirname', 'WebAssembly', 'Deno', 'std', 'os', 'print', 'scriptArgs', 'performance', 'navigator', 'importScripts', 'XMLHttpRequest', 'Worker']
  const made = await attempt(`return { found: ${JSON.stringify(names)}.filter(name => name in globalThis), typed: [typeof require, typeof process, typeof Buffer] }`, 'hostile')
  t.match(made, { outcome: { items: [{ json: { found: [], typed: ['undefined', 'undefined', 'undefined'] } }] } })
  t.match(await attempt('return await import("node:fs")', 'hostile'), { error: { code: 'WC_CODE_ERROR' } })
})

t.test('an answer that claims to be more than data is data', async t => {
  t.match(await attempt('return { json: { json: { evil: $json.evil } } }', 'hostile'), { outcome: { items: [{ json: { json: { evil: ITEM.evil } } }] } })
  t.match(await attempt('JSON.stringify = () => "{}\\n{\\"from\\":99}"; Array.isArray = () => true; Object.prototype.toJSON = () => 5; return { a: 1 }', 'hostile'), { error: { code: 'WC_CODE_RETURN' } })
})

import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { compileTemplate, DEFAULT_LIMITS, ExpressionSyntaxError } from '../../../src/engine/expression/index.ts'
import { knownNames } from '../../../src/engine/expression/compile/names.ts'
import { NodeError } from '../../../src/engine/node-error.ts'
import { makeScope } from '../../support/expression-scope.ts'
import { cpuTime } from '../../support/cpu-time.ts'

interface Payload { id: string, class: string, payload: string, expect: string }

const CANARY = 'canary-5c1e9f'
const EVIL = "{{ (()=>{}).constructor('return process.env.WC_CANARY')() }}"
const PAYLOADS = JSON.parse(await readFile(new URL('../../support/testdata/escape-payloads.json', import.meta.url), 'utf8')) as Payload[]

process.env.WC_CANARY = CANARY

interface Outcome { value?: unknown, error?: unknown, elapsed: number }

function attempt (source: string): Outcome {
  const start = cpuTime()
  try {
    const value = compileTemplate(`{{ ${source} }}`).evaluate(makeScope({ json: { evil: EVIL, items: [{ json: { a: 1 } }] } }))
    return { value, elapsed: cpuTime() - start }
  } catch (error) {
    return { error, elapsed: cpuTime() - start }
  }
}

function codeOf (error: unknown): string {
  return error instanceof NodeError || error instanceof ExpressionSyntaxError ? error.code : 'not a typed error'
}

/** Errors may quote the source, so the canary is looked for, not the payload. */
function visible ({ value, error }: Outcome): string {
  return `${JSON.stringify(value)} ${error instanceof Error ? `${error.message} ${error.stack}` : ''}`
}

t.test('no payload gets out', async (t) => {
  for (const { id, payload, expect } of PAYLOADS) {
    const outcome = attempt(payload)
    t.notMatch(visible(outcome), CANARY, `${id}: the environment stays out of reach`)
    t.ok(outcome.elapsed < DEFAULT_LIMITS.time + 250, `${id}: ends in time (${Math.round(outcome.elapsed)} ms)`)
    t.equal(('wcPolluted' in {}), false, `${id}: no prototype is polluted`)
    if ('error' in outcome) t.match(codeOf(outcome.error), /^WC_EXPRESSION_/, `${id}: a typed error`)
    if (expect === 'limit_error') t.match(codeOf(outcome.error), /^WC_EXPRESSION_(LIMIT|NOT_ALLOWED)$/, `${id}: stopped`)
    if (expect === 'typed_error') t.equal(codeOf(outcome.error), 'WC_EXPRESSION_RESULT', `${id}: refused`)
    t.equal(attempt('1 + 1').value, 2, `${id}: the next evaluation works`)
  }
})

t.test('what an expression answers is data, never evaluated again', async (t) => {
  t.equal(attempt('$json.evil').value, EVIL)
  t.equal(compileTemplate('say {{ $json.evil }}').evaluate(makeScope({ json: { evil: EVIL } })), `say ${EVIL}`)
})

t.test('nothing of the host is a name', async (t) => {
  t.equal(attempt('[typeof require, typeof process, typeof globalThis, typeof Buffer, typeof fetch, typeof eval, typeof Function, typeof Symbol, typeof Reflect, typeof Proxy].join()').value,
    Array(10).fill('undefined').join())
  t.equal(attempt('JSON.stringify(typeof $credentials == "undefined" ? null : $credentials)').value, 'null')
  for (const source of ['$env.JWT_SECRET', '$credentials.x.token', '$secrets.a.b', '$env']) t.equal(attempt(source).value, undefined, source)
  const declared = new Set(knownNames())
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (declared.has(name)) continue
    t.equal(attempt(`typeof ${name}`).value, 'undefined', name)
  }
})

/** The same payload where nothing guards: a process of its own, killed when it does not end. */
async function attemptNatively (payload: string, limit = 1500): Promise<string> {
  const script = `
    const { payload, evil } = JSON.parse(process.argv[1])
    const $json = { evil, items: [1] }
    const $fn = (value) => String(value)
    const $credentials = { token: process.env.WC_CANARY }
    Promise.resolve(new Function('$json', '$fn', '$credentials', 'return (' + payload + ')')($json, $fn, $credentials))
      .then((value) => console.log(typeof value === 'object' ? JSON.stringify(value) : String(value), 'wcPolluted' in {} ? 'POLLUTED' : ''))`
  const child = spawn(process.execPath, ['--max-old-space-size=128', '-e', script, JSON.stringify({ payload, evil: EVIL })], {
    env: { WC_CANARY: CANARY },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: limit,
    killSignal: 'SIGKILL'
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => { output += chunk })
  const [code] = await new Promise<[number | null]>((resolve) => child.on('close', (status: number | null) => resolve([status])))
  return code === 0 ? output : `${output} DIED`
}

t.test('the payloads bite where nothing guards', async (t) => {
  const escapes = PAYLOADS.filter((payload) => payload.class === 'escape' && payload.id !== 'ESC-48')
  const outputs = await inPairs(escapes.map(({ payload }) => () => attemptNatively(payload)))
  const escaped = outputs.filter((output) => output.includes(CANARY))
  t.ok(escaped.length >= 10, `${escaped.length} of ${escapes.length} read the environment through new Function`)
  const others = PAYLOADS.filter(({ id }) => ['ESC-49', 'ESC-63', 'ESC-66'].includes(id))
  const [polluted, sparse, creep] = await inPairs(others.map(({ payload }) => () => attemptNatively(payload, 10_000)))
  t.match(polluted, 'POLLUTED')
  t.match(sparse, 'DIED')
  t.match(creep, 'DIED')
})

async function inPairs<T> (tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  for (let index = 0; index < tasks.length; index += 2) {
    results.push(...await Promise.all(tasks.slice(index, index + 2).map((task) => task())))
  }
  return results
}

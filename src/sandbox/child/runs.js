// @ts-check
import { Script } from 'node:vm'
import { GuestError, openQuickJs } from './quick-js.js'

/** How long the parent waits after the deadline before it kills; then the code has lost its parent, or its parent its senses. */
const GRACE = 500
const MAX_LOG_LINES = 100
const MAX_LOG_TEXT = 4096
/** Milliseconds between two looks at whether the parent still lives. */
const PARENT_CHECK = 100
/** What the memory may have grown to before the process is replaced: it never shrinks. */
const KEPT_MEMORY = 64 * 1024 * 1024

/** The names that the code sees, in the order in which the guest passes them. */
const NAMES = ['$input', '$json', '$item', '$binary', '$itemIndex', '$', '$vars', '$workflow', '$execution', '$nodeId', '$runIndex', 'items', 'item', '$now', '$today', 'DateTime', 'Duration', 'Interval']

/**
 * A call that the interpreter does not return from, in one of its native functions, is cut off by a thread of Node's. Its
 * memory is in pieces then, and the process ends.
 */
const guarded = new Script('globalThis.step()')

/**
 * @param {{ memory: number, maxAnswer: number, luxon: string }} options bytes for the code, characters of its answer, and where luxon is
 * @returns {Promise<(message: string) => Promise<string>>} runs one message and gives the answer; in its head `spent` says that the process is to be replaced
 */
export async function createRuns ({ memory, maxAnswer, luxon }) {
  const parent = process.ppid
  /** @type {ReturnType<typeof newRun>} */
  let run = newRun('', Infinity)
  let parentSeen = 0

  const quickJs = await openQuickJs({
    memory,
    luxon,
    isOver () {
      const now = performance.now()
      if (now > run.deadline) return (run.timedOut = true)
      if (now - parentSeen > PARENT_CHECK) {
        parentSeen = now
        if (process.ppid !== parent) process.exit(0)
      }
      return run.full
    },
    host: {
      read: line => run.lines[line + FIRST_LINE] ?? '{"json":{}}',
      emit (text) {
        run.size += text.length
        run.full = run.size > maxAnswer
        if (run.full) throw new Error('The answer is too large')
        run.items.push(text)
      },
      log (level, text) {
        if (run.logs.push([level, text.slice(0, MAX_LOG_TEXT)]) < MAX_LOG_LINES) return true
        run.logs.push(['warn', `Only the first ${MAX_LOG_LINES} lines are kept`])
        return false
      },
      end (status, detail, message, stack) {
        if (status === 'item') run.item = Number(detail)
        else run.outcome = status === 'done' ? {} : { failure: { kind: detail === 'return' ? 'return' : 'thrown', message, stack } }
      }
    }
  })

  /** @param {() => void} work */
  function guardedly (work) {
    Object.assign(globalThis, { step: work })
    guarded.runInThisContext({ timeout: Math.max(1, Math.ceil(run.deadline - performance.now())) + GRACE })
  }

  async function finish () {
    while (run.outcome === undefined) {
      let busy = false
      let wait = -1
      guardedly(() => {
        busy = quickJs.turn()
        if (!busy && run.outcome === undefined) wait = quickJs.nextTimer()
      })
      if (busy || run.outcome !== undefined) continue
      if (wait < 0) return { failure: { kind: 'pending' } }
      const left = run.deadline - performance.now()
      await new Promise(resolve => setTimeout(resolve, Math.min(wait, Math.max(0, left))))
      run.timedOut = wait > left
      if (run.timedOut) return {}
      guardedly(() => { quickJs.fireTimers() })
    }
    return run.outcome
  }

  return async message => {
    // What is loaded before the code begins is not counted.
    run = newRun('', Infinity)
    const { wipe, dates } = settingsOf(message)
    quickJs.reset(wipe, dates)
    run = newRun(message, performance.now())
    let broken = false
    /** @type {any} */
    let outcome
    try {
      guardedly(() => { quickJs.start(wrapped(run.lines[2] ?? ''), run.lines[1] ?? '') })
      outcome = await finish()
    } catch (error) {
      // Anything else comes from below the interpreter, which is not to be trusted after it.
      const guest = error instanceof GuestError ? error : undefined
      broken = guest === undefined
      run.timedOut ||= performance.now() > run.deadline
      outcome = { failure: { kind: 'thrown', message: guest?.message ?? 'RangeError: The code is nested too deeply', stack: guest?.stack } }
    }
    const failure = failureOf(run, outcome.failure)
    const head = JSON.stringify({ logs: run.logs, spent: broken || quickJs.size > KEPT_MEMORY, ...(failure === undefined ? {} : { failure }) })
    return failure === undefined ? [head, ...run.items].join('\n') : head
  }
}

/** Lines of a message: what the pool says of it, the head that the guest reads, the code, and then the items. */
const FIRST_LINE = 3

/** @param {string} message */
function settingsOf (message) {
  const { timeout = 0, wipe = false, dates = false } = message === '' ? {} : JSON.parse(message.slice(0, message.indexOf('\n')))
  return { timeout, wipe, dates }
}

/** @param {string} message @param {number} startedAt */
function newRun (message, startedAt) {
  const { timeout } = settingsOf(message)
  return {
    lines: message.split('\n'),
    deadline: startedAt + timeout,
    timedOut: false,
    /** Whether the answer has become too large. */
    full: false,
    size: 0,
    /** @type {string[]} */
    items: [],
    /** @type {Array<[level: string, text: string]>} */
    logs: [],
    /** The item in work, in mode `each`. @type {number | undefined} */
    item: undefined,
    /** @type {{ failure?: any } | undefined} */
    outcome: undefined
  }
}

/** The code as a function in a function: its names lie outside of it, so that it may declare the same ones. @param {string} line JSON text */
function wrapped (line) {
  return `(function (${NAMES.join(', ')}) { return async function () {\n${JSON.parse(line)}\n} })`
}

/** What is to be said of a run that failed. @param {ReturnType<typeof newRun>} run @param {any} failure */
function failureOf (run, failure) {
  const item = run.item === undefined ? {} : { item: run.item }
  if (run.timedOut) return { kind: 'timeout', ...item }
  if (run.full) return { kind: 'output', ...item }
  if (failure === undefined) return undefined
  if (failure.kind === 'pending') return { kind: 'pending', ...item }
  if (failure.message === 'InternalError: out of memory') return { kind: 'memory', ...item }
  const place = /\(?code:(\d+):(\d+)\)?/.exec(failure.stack ?? '')
  return {
    kind: failure.kind,
    message: String(failure.message).slice(0, MAX_LOG_TEXT),
    // The code begins on the second line.
    ...(place === null ? {} : { line: Number(place[1]) - 1, column: Number(place[2]) }),
    ...item
  }
}

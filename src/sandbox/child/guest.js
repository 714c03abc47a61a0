// @ts-check
// Runs inside QuickJS, around the user's code: what it may name, and how its answer is read. It has no powers but the
// functions it is given, and the user's code may have changed any prototype before they are called: nothing here guards
// anything. What leaves is text, and the reader of it believes nothing.

const { parse, stringify } = JSON
const { isArray } = Array
const tagOf = Function.prototype.call.bind(Object.prototype.toString)

const ITEM_KEYS = ['json', 'binary', 'pairedItem', 'error']

/** The user's return value is none that items can be made of. */
class ReturnError extends Error {}

/**
 * @typedef {{ json: Record<string, unknown>, binary?: unknown }} Item
 * @typedef {object} Host
 * @property {(line: number) => string} read a line of the message
 * @property {(text: string) => void} emit one item of the answer
 * @property {(level: string, text: string) => boolean} log whether more of it will be kept
 * @property {(status: string, detail: string, message?: string, stack?: string) => void} end
 * @property {() => number} random from 0 to 1
 */

/** @param {Host} host */
export function prepare (host) {
  Math.random = () => host.random()
  Object.assign(globalThis, consoleOf(host), timerFunctions())
  return { start, nextTimer, fireTimers }

  /** @param {string} text @param {Function} factory */
  function start (text, factory) {
    const head = parse(text)
    const work = head.mode === 'each' ? runEach(host, head, factory) : runAll(host, head, factory)
    work.then(() => host.end('done', ''), (/** @type {any} */ error) => host.end('failed', ...describe(error)))
  }
}

// --- Timers: the only clock that code can wait for.

/** @type {Map<number, { at: number, call: () => void }>} */
const timers = new Map()
let lastTimer = 0
const { now } = Date

function timerFunctions () {
  return {
    setTimeout: (/** @type {Function} */ callback, /** @type {number} */ delay = 0, /** @type {unknown[]} */ ...args) => {
      timers.set(++lastTimer, { at: now() + Math.max(0, Number(delay) || 0), call: () => callback(...args) })
      return lastTimer
    },
    clearTimeout: (/** @type {number} */ id) => { timers.delete(id) }
  }
}

/** Milliseconds until the next timer; -1 where there is none. */
function nextTimer () {
  let next = Infinity
  for (const { at } of timers.values()) next = Math.min(next, at)
  return next === Infinity ? -1 : Math.max(0, next - now())
}

function fireTimers () {
  const due = [...timers].filter(([, { at }]) => at <= now()).sort(([, a], [, b]) => a.at - b.at)
  for (const [id, { call }] of due) {
    timers.delete(id)
    call()
  }
}

// --- What the code may name.

/** @param {Host} host @param {any} head */
function inputOf (host, head) {
  /** @type {Array<Item | undefined>} */
  const items = Array.from({ length: head.items })
  /** Which input item an object is, or is the data of. */
  const origins = new Map()
  /** @param {number} index @returns {Item | undefined} */
  const itemAt = index => {
    if (!(index >= 0 && index < items.length)) return undefined
    const known = items[index]
    if (known !== undefined) return known
    /** @type {Item} */
    const item = parse(host.read(index))
    items[index] = item
    if (head.mode === 'all') {
      origins.set(item, index)
      origins.set(item.json, index)
    }
    return item
  }
  const all = () => items.map((_, index) => itemAt(index))
  return { itemAt, all, origins, release: (/** @type {number} */ index) => { items[index] = undefined } }
}

/** @param {Host} host @param {any} head */
function nodesOf (host, head) {
  /** @type {Map<number, Item>} */
  const parsed = new Map()
  const itemAt = (/** @type {number} */ line) => {
    let item = parsed.get(line)
    if (item === undefined) parsed.set(line, item = parse(host.read(line)))
    return item
  }
  /** @param {string} id @param {number} index */
  return (id, index) => {
    const node = Object.hasOwn(head.nodes, id) ? head.nodes[id] : undefined
    const data = () => node ?? absent(id)
    const list = () => data().lists[(data().views[index] ?? data().views[0] ?? [])[0]] ?? []
    const matching = (/** @type {number} */ at) => {
      const line = data().views[at]?.[1] ?? -1
      return line < 0 ? undefined : itemAt(line)
    }
    const paired = () => matching(index)
    return {
      all: () => list().map(itemAt),
      first: () => list().slice(0, 1).map(itemAt)[0],
      last: () => list().slice(-1).map(itemAt)[0],
      itemMatching: matching,
      pairedItem: (/** @type {number | undefined} */ at) => matching(at ?? index),
      isExecuted: node !== undefined,
      get item () { return paired() },
      get json () { return (paired() ?? list().slice(0, 1).map(itemAt)[0])?.json }
    }
  }
}

/** @param {string} id */
function absent (id) {
  throw new Error(`There is no data of node ${stringify(id)}: it has not run, or does not exist`)
}

/** The arguments of the user's code, in the order of `NAMES`. @param {any} head @param {any} input @param {Function} nodeAt @param {number} index */
function namesFor (head, input, nodeAt, index) {
  const item = input.itemAt(index) ?? { json: {} }
  const $input = {
    all: input.all,
    first: () => input.itemAt(0),
    last: () => input.itemAt(head.items - 1),
    item
  }
  const $ = (/** @type {string} */ id) => nodeAt(String(id), index)
  return [$input, item.json, item, item.binary ?? {}, head.at + index, $, head.vars, head.workflow, head.execution, head.nodeId, head.runIndex,
    head.listItems ? input.all() : undefined, item, ...datesOf(head)]
}

/** @type {unknown[] | undefined} */
let dates

/** luxon, where the code asks for it: it is there then. @param {any} head */
function datesOf (head) {
  if (dates !== undefined) return dates
  const { luxon } = /** @type {any} */(globalThis)
  if (luxon === undefined) return (dates = [])
  const { DateTime, Duration, Interval, Settings } = luxon
  Settings.defaultZone = head.zone
  Settings.defaultLocale = 'en-US'
  const now = DateTime.fromMillis(head.now)
  return (dates = [now, now.startOf('day'), DateTime, Duration, Interval])
}

// --- Running it.

/** @param {Host} host @param {any} head @param {Function} factory */
async function runAll (host, head, factory) {
  const input = inputOf(host, head)
  const returned = await factory(...namesFor(head, input, nodesOf(host, head), 0))()
  const items = itemsIn(returned)
  const sameLength = items.length === head.items
  for (let index = 0; index < items.length; index++) {
    const made = itemFrom(items[index], index)
    const origin = input.origins.get(made.item) ?? input.origins.get(made.json)
    const from = fromOf(made.paired, head.items, index) ?? origin ?? (sameLength ? index : head.items === 1 ? 0 : undefined)
    emitItem(host, made, from, origin, index)
  }
}

/** @param {Host} host @param {any} head @param {Function} factory */
async function runEach (host, head, factory) {
  const input = inputOf(host, head)
  const nodeAt = nodesOf(host, head)
  for (let index = 0; index < head.items; index++) {
    host.end('item', String(head.at + index))
    const returned = await factory(...namesFor(head, input, nodeAt, index))()
    for (const one of itemsIn(returned)) emitItem(host, itemFrom(one, index), index, index, index)
    if (!head.wholeInput) input.release(index)
  }
}

// --- Reading its answer.

/** @param {unknown} returned @returns {unknown[]} */
function itemsIn (returned) {
  if (returned === undefined || returned === null) return []
  if (isArray(returned)) return returned
  if (isRecord(returned)) return [returned]
  throw new ReturnError(`The code returned ${nameOf(returned)}; it must return an object, or a list of objects`)
}

/** @param {unknown} value @param {number} index */
function itemFrom (value, index) {
  if (!isRecord(value)) throw new ReturnError(`Item ${index} of what the code returned is ${nameOf(value)}, not an object`)
  const item = /** @type {any} */(value)
  if (!Object.hasOwn(item, 'json')) return { item, json: item, binary: undefined, paired: undefined }
  const other = Object.keys(item).find(key => !ITEM_KEYS.includes(key))
  if (other !== undefined) throw new ReturnError(`Item ${index} of what the code returned has "json" and also ${stringify(other)}; data belongs into "json"`)
  if (!isRecord(item.json)) throw new ReturnError(`Item ${index} of what the code returned has ${nameOf(item.json)} as "json", not an object`)
  return { item, json: item.json, binary: item.binary, paired: item.pairedItem }
}

/** @param {any} paired @param {number} count @param {number} index @returns {number | number[] | undefined} */
function fromOf (paired, count, index) {
  if (paired === undefined || paired === null) return undefined
  if (isArray(paired)) return paired.map(one => /** @type {number} */(fromOf(one, count, index)))
  const at = typeof paired === 'object' ? paired.item : paired
  if (Number.isInteger(at) && at >= 0 && at < count) return at
  throw new ReturnError(`Item ${index} of what the code returned has a "pairedItem" that is no position of an input item`)
}

/** @param {Host} host @param {any} made @param {number | number[] | undefined} from @param {number | undefined} origin @param {number} index */
function emitItem (host, made, from, origin, index) {
  const json = jsonText(made.json, index)
  // What is unchanged is named, not repeated.
  if (origin !== undefined && from === origin && made.binary === undefined && host.read(origin) === `{"json":${json}}`) return host.emit(`{"from":${from}}`)
  const binary = made.binary === undefined ? '' : `,"binary":${jsonText(made.binary, index)}`
  host.emit(`{${from === undefined ? '' : `"from":${isArray(from) ? `[${from.join()}]` : from},`}"json":${json}${binary}}`)
}

/** @param {unknown} value @param {number} index */
function jsonText (value, index) {
  let text
  try {
    text = stringify(value, refuseUnwritable)
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof ReturnError)) throw error
    throw new ReturnError(`Item ${index} of what the code returned cannot be written as JSON: ${error.message}`)
  }
  if (text === undefined || text[0] !== '{') throw new ReturnError(`Item ${index} of what the code returned is no object once it is written as JSON`)
  return text
}

/** @param {string} key @param {any} value */
function refuseUnwritable (key, value) {
  const type = typeof value
  if (type === 'function' || type === 'symbol') throw new ReturnError(`${stringify(key)} is a ${type}`)
  if (type === 'object' && value !== null && !isArray(value) && !isRecord(value)) {
    const name = nameOf(value)
    if (UNWRITABLE.includes(name)) throw new ReturnError(`${stringify(key)} is ${name}`)
  }
  return value
}

const UNWRITABLE = ['a Map', 'a Set', 'a WeakMap', 'a WeakSet', 'a Promise']

/** @param {unknown} value */
function isRecord (value) {
  return typeof value === 'object' && value !== null && !isArray(value) && tagOf(value) === '[object Object]'
}

/** @param {unknown} value */
function nameOf (value) {
  if (value === null) return 'null'
  if (isArray(value)) return 'a list'
  if (typeof value === 'string') return 'text'
  return `a ${typeof value === 'object' ? tagOf(value).slice(8, -1) : typeof value}`
}

/** Kind, message and stack of what was thrown. @param {any} error @returns {[string, string, string]} */
function describe (error) {
  if (error instanceof ReturnError) return ['return', error.message, '']
  if (!(error instanceof Error)) return ['thrown', textOf(error), '']
  return ['thrown', `${error.name}: ${error.message}`, String(error.stack)]
}

// --- console

/** @param {Host} host */
function consoleOf (host) {
  let open = true
  const writer = (/** @type {string} */ level) => (/** @type {unknown[]} */ ...values) => {
    if (open) open = host.log(level, values.map(textOf).join(' '))
  }
  const info = writer('info')
  return { console: { log: info, info, table: info, dir: info, debug: writer('debug'), trace: writer('debug'), warn: writer('warn'), error: writer('error') } }
}

/** @param {unknown} value */
function textOf (value) {
  if (typeof value === 'string') return value
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value === 'function') return `[function ${value.name}]`
  try {
    return stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

// @ts-check
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { newQuickJSWASMModuleFromVariant } from 'quickjs-emscripten-core'
import variant from '@jitl/quickjs-wasmfile-release-sync'
import { askIntl, zoneOffset } from './intl.js'

/** @typedef {import('quickjs-emscripten-core').QuickJSHandle} QuickJSHandle */

/** Bytes of stack for the code: from 192 KiB on the interpreter's own calls overflow the stack of the process. */
const STACK = 128 * 1024
const PAGE = 64 * 1024
const EMPTY = new Uint8Array(PAGE)

/**
 * QuickJS with the guest loaded, and its memory as it was then. Every run starts from that image: nothing of a run before
 * it is left, whatever it broke, and a runtime need not be built again.
 *
 * @param {{ memory: number, luxon: string, isOver: () => boolean, host: Record<'read' | 'emit' | 'log' | 'end', (...args: any[]) => string | boolean | void> }} options
 */
export async function openQuickJs ({ memory, luxon, isOver, host }) {
  const module = await newQuickJSWASMModuleFromVariant(/** @type {any} */(variant))
  const runtime = module.newRuntime({ memoryLimitBytes: memory, maxStackSizeBytes: STACK, interruptHandler: isOver })
  const context = runtime.newContext()
  const functions = context.newObject()
  for (const [name, call] of Object.entries({ ...host, intl: askIntl, zoneOffset, random: () => randomBytes(4).readUInt32LE() / 2 ** 32 + randomBytes(4).readUInt32LE() / 2 ** 64 })) {
    const handle = context.newFunction(name, (...args) => toGuest(call(...args.map(arg => context.typeof(arg) === 'number' ? context.getNumber(arg) : context.getString(arg)))))
    context.setProp(functions, name, handle)
  }
  const guest = load('guest.js')
  const prepared = context.unwrapResult(context.callFunction(context.getProp(guest, 'prepare'), context.undefined, functions))
  const [start, nextTimer, fireTimers] = /** @type {const} */(['start', 'nextTimer', 'fireTimers']).map(name => context.getProp(prepared, name))
  const pristine = imageOf(module.getWasmMemory())
  /** The same with luxon, once some code has asked for it: to load it takes longer than most code runs. @type {ReturnType<typeof imageOf> | undefined} */
  let dated

  /** @param {string} file */
  function load (file) {
    return context.unwrapResult(context.evalCode(readFileSync(new URL(file, import.meta.url), 'utf8'), file, { type: 'module' }))
  }

  function loadLuxon () {
    const dates = load('guest-dates.js')
    context.unwrapResult(context.callFunction(context.getProp(dates, 'prepareIntl'), context.undefined, functions))
    context.unwrapResult(context.evalCode(readFileSync(luxon, 'utf8'), 'luxon.js', { type: 'global' }))
    context.unwrapResult(context.callFunction(context.getProp(dates, 'quicken'), context.undefined, functions))
    return imageOf(module.getWasmMemory())
  }

  /** @param {unknown} value */
  function toGuest (value) {
    if (typeof value === 'string') return context.newString(value)
    if (typeof value === 'number') return context.newNumber(value)
    return value === true ? context.true : context.false
  }

  /** @param {QuickJSHandle | undefined} fn @param {QuickJSHandle[]} args */
  function call (fn, ...args) {
    return context.callFunction(/** @type {QuickJSHandle} */(fn), context.undefined, ...args)
  }

  return {
    /** Bytes that the memory has grown to. */
    get size () { return module.getWasmMemory().buffer.byteLength },

    /**
     * @param {boolean} wipe whether what another organization left in unused memory is to be cleared too
     * @param {boolean} withDates whether the code needs luxon
     */
    reset (wipe, withDates) {
      if (!withDates || dated === undefined) restore(module.getWasmMemory(), pristine, wipe)
      if (!withDates) return
      if (dated === undefined) dated = loadLuxon()
      else restore(module.getWasmMemory(), dated, wipe)
    },

    /**
     * Compiles the code and runs it up to its first wait. Throws what it dies of.
     * @param {string} code @param {string} head
     */
    start (code, head) {
      const made = context.evalCode(code, 'code', { type: 'global' })
      const started = made.error ?? call(start, context.newString(head), made.value).error
      if (started !== undefined) throw failureOf(context.dump(started))
    },

    /** Does what is due. Whether something was. @returns {boolean} */
    turn () {
      const result = runtime.executePendingJobs(MAX_JOBS)
      if (result.error !== undefined) throw failureOf(context.dump(result.error))
      return result.value > 0
    },

    /** Milliseconds until the code's next timer, or -1. */
    nextTimer () {
      const result = call(nextTimer)
      if (result.error !== undefined) throw failureOf(context.dump(result.error))
      return context.getNumber(result.value)
    },

    fireTimers () {
      const { error } = call(fireTimers)
      if (error !== undefined) throw failureOf(context.dump(error))
    }
  }
}

/** Promise reactions between two looks at the clock. */
const MAX_JOBS = 1000

/** An error of the interpreter, with what it says of itself. */
export class GuestError extends Error {
  /** @param {any} detail */
  constructor (detail) {
    super(`${detail?.name}: ${detail?.message}`)
    this.stack = String(detail?.stack)
  }
}

/** @param {unknown} dumped */
function failureOf (dumped) {
  return new GuestError(dumped)
}

/**
 * The pages of the memory that hold anything.
 * @param {{ buffer: ArrayBuffer }} memory
 * @returns {Array<{ at: number, bytes: Uint8Array }>}
 */
function imageOf (memory) {
  const bytes = new Uint8Array(memory.buffer)
  const pages = []
  for (let at = 0; at < bytes.length; at += PAGE) {
    const page = bytes.subarray(at, at + PAGE)
    if (Buffer.compare(page, EMPTY) !== 0) pages.push({ at, bytes: page.slice() })
  }
  return pages
}

/** @param {{ buffer: ArrayBuffer }} memory @param {ReturnType<typeof imageOf>} image @param {boolean} wipe */
function restore (memory, image, wipe) {
  const bytes = new Uint8Array(memory.buffer)
  if (wipe) bytes.fill(0)
  for (const page of image) bytes.set(page.bytes, page.at)
}

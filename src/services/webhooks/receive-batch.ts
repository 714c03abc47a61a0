import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { LineSplitter, type Line } from '../../lib/split-lines.ts'
import { Problem } from '../../lib/problem.ts'
import type { Claim } from '../accept-once.ts'
import type { Acceptance } from '../acceptance.ts'
import { BatchCut, BatchTooLong, Internal, InvalidInput, MalformedRequest, MethodNotAllowed, NotFound, Overloaded, TooLarge } from '../problems.ts'
import { jsonBody } from './body.ts'
import { decodeStream } from './content-encoding.ts'
import { decodeText, parseContentType, requireUnicode } from './content-type.ts'
import { deliver, lookInto } from './deliver.ts'
import type { Endpoint, Endpoints } from './endpoints.ts'
import type { Gate } from './gate.ts'
import { readWhole } from './read-whole.ts'
import type { IncomingRequest } from './receive-webhook.ts'
import { executionAt, itemHead, triggerItem } from './trigger-item.ts'

export interface IncomingBatch extends Omit<IncomingRequest, 'body'> {
  /** As it comes over the wire; it is left as it is where not all of it is read. */
  readonly body: Readable
}

/** What became of a line: the execution that it started, or why it started none. */
export interface LineAnswer {
  readonly line: number
  readonly executionId?: string
  /** Whether an earlier delivery with the same key has started it. */
  readonly duplicate?: true
  readonly problem?: Problem
}

export interface BatchAnswer {
  /** What the client is told beside it. */
  readonly headers: Readonly<Record<string, string>>
  readonly accepted: number
  /** In the order of the lines; empty lines have none. */
  readonly answers: readonly LineAnswer[]
  /** Faults of ours that lines met; they are told no more than that there was one. */
  readonly faults: readonly unknown[]
}

export interface BatchReceiver {
  /** Resolves once each line that was read is committed or refused. Throws Problem where nothing was. */
  receive (batch: IncomingBatch): Promise<BatchAnswer>
}

export interface BatchReceiverOptions {
  readonly endpoints: Endpoints
  readonly acceptance: Acceptance
  readonly nextId: () => string
  /** Milliseconds since the epoch */
  readonly now: () => number
  /** Bytes of a line, where the endpoint does not say otherwise. */
  readonly maxBodySize: number
  /** Bytes of a whole batch. */
  readonly maxBatchSize: number
}

export const MAX_BATCH_LINES = 10_000
/** Blank ones among them: they are not answered, but take time, and compressed no room at all. */
const MAX_LINES_WITH_BLANK = 10 * MAX_BATCH_LINES
/**
 * Of this batch, and of all that comes in, that is not committed yet. Beyond it no more is read, so that a batch takes
 * a bounded part of the memory and leaves room for others.
 */
const WINDOW = { rows: 1000, bytes: 4 * 1024 * 1024 }
const BACKLOG = { rows: 5000, bytes: 32 * 1024 * 1024 }
/** milliseconds between looks at whether there is room again: about what a statement takes */
const PAUSE = 2
/** milliseconds; the server cuts requests that take longer than 10 s, and then nobody would hear what was committed. */
const PATIENCE = 8000
const PATIENCE_AT_START = 2000

export function createBatchReceiver ({ endpoints, acceptance, nextId, now, maxBodySize, maxBatchSize }: BatchReceiverOptions): BatchReceiver {
  async function find ({ slug, method, path }: IncomingBatch) {
    const match = endpoints.known(slug, method, path) ?? await endpoints.find(slug, method, path)
    if (match.kind === 'none') throw NotFound('webhook')
    if (match.kind === 'otherMethod') throw MethodNotAllowed(match.allow.join(', '))
    return match
  }

  /** A proof is over the whole body, so it is all there before a line of it is looked at, and may be no larger than any other. */
  async function passed (gate: Gate, batch: IncomingBatch): Promise<Readable> {
    const body = await readWhole(batch.body, maxBodySize)
    await gate(Object.assign(batch, { body }))
    return Readable.from([body])
  }

  async function runOf (batch: IncomingBatch, endpoint: Endpoint, params: Readonly<Record<string, string>>): Promise<Omit<BatchAnswer, 'headers'>> {
    requireUnicode(parseContentType(batch.headers['content-type']))
    const body = endpoint.gate === undefined ? batch.body : await passed(endpoint.gate, batch)
    const run = new BatchRun(decodeStream(body, batch.headers['content-encoding']), Math.min(endpoint.maxBodySize ?? maxBodySize, maxBodySize))
    let target: { readonly endpoint: Endpoint, readonly head: string } = { endpoint, head: itemHead(batch, params, endpoint) }
    let looking: Promise<void> | undefined

    /** What the cache said is no longer published in that version: looks again, once for all lines that met it. */
    async function lookAgain (): Promise<void> {
      await endpoints.refresh(batch.slug)
      const found = await find(batch)
      target = { endpoint: found.endpoint, head: itemHead(batch, found.params, found.endpoint) }
    }

    async function attempt (body: string, id: string): Promise<Claim | undefined> {
      const { endpoint, head } = target
      if (endpoint.limit !== undefined) await endpoint.limit()
      const item = triggerItem(head, body)
      const keyHash = endpoint.looksInto ? lookInto(batch, endpoint, item, { executionId: id, trigger: 'webhook', nodeId: endpoint.nodeId, now: now() }) : undefined
      return await deliver(acceptance, endpoint, { execution: executionAt(endpoint, id, item), keyHash })
    }

    async function start (body: string, id: string): Promise<Claim> {
      const first = await attempt(body, id).catch((error: unknown) => {
        if (error instanceof Problem && error.status < 500) target.endpoint.tally.refused++
        throw error
      })
      if (first !== undefined) return first
      await (looking ??= lookAgain().finally(() => { looking = undefined }))
      const second = await attempt(body, id)
      if (second === undefined) throw NotFound('webhook')
      return second
    }

    await run.read(maxBatchSize, () => acceptance.backlog, async line => await start(jsonBody(decodeText(line), 'line'), nextId()))
    return run.answer()
  }

  return {
    async receive (batch) {
      const { endpoint, params } = await find(batch)
      const headers = endpoint.cors?.headers(batch.headers) ?? {}
      const run = await runOf(batch, endpoint, params).catch((error: unknown) => { throw error instanceof Problem ? error.with(headers) : error })
      return { ...run, headers }
    }
  }
}

/** One batch on its way in. */
class BatchRun {
  readonly #body: AsyncIterable<Buffer>
  readonly #longest: number
  readonly #answers: LineAnswer[] = []
  readonly #faults: unknown[] = []
  readonly #began = performance.now()
  #line = 0
  #accepted = 0
  #rows = 0
  #bytes = 0

  constructor (body: AsyncIterable<Buffer>, longest: number) {
    this.#body = body
    this.#longest = longest
  }

  /** Starts every line as soon as there is room, and waits for the last one. */
  async read (limit: number, backlog: () => { rows: number, bytes: number }, start: (line: Buffer) => Promise<Claim>): Promise<void> {
    const splitter = new LineSplitter(this.#longest)
    let size = 0
    let stopped = false
    const take = async (lines: readonly Line[]): Promise<boolean> => {
      for (const line of lines) {
        if (!await this.#room(backlog)) return this.#stop(this.#line === 0 ? Overloaded(1) : BatchCut())
        if (this.#answers.length === MAX_BATCH_LINES || this.#line === MAX_LINES_WITH_BLANK) return this.#stop(BatchTooLong(MAX_BATCH_LINES))
        this.#line++
        this.#begin(line, start)
      }
      return true
    }
    try {
      for await (const chunk of this.#body) {
        size += chunk.length
        stopped = size > limit ? !this.#stop(TooLarge(limit)) : !await take(splitter.push(chunk))
        if (stopped) break
      }
      if (!stopped) await take(splitter.end())
    } catch (error) {
      // The body broke off, or cannot be decompressed. What was read before is kept, and answered as long as somebody listens.
      this.#stop(isBroken(error) ? MalformedRequest('The body broke off here, or is not what Content-Encoding says.') : error)
    }
    while (this.#rows > 0) await pause(PAUSE)
  }

  answer (): Omit<BatchAnswer, 'headers'> {
    const answers = this.#answers
    const [first] = answers
    if (first === undefined) throw InvalidInput([{ pointer: '', message: 'has no line; send one JSON value a line', code: 'WC_EMPTY_BATCH' }])
    // Nothing was kept, and no line is at fault: the client may send all of it again.
    if (first.problem !== undefined && (this.#line === 0 || answers.every(({ problem }) => problem !== undefined && problem.status >= 500))) throw first.problem
    return { accepted: this.#accepted, answers, faults: this.#faults }
  }

  async #room (backlog: () => { rows: number, bytes: number }): Promise<boolean> {
    for (;;) {
      const { rows, bytes } = backlog()
      if (this.#rows < WINDOW.rows && this.#bytes < WINDOW.bytes && rows < BACKLOG.rows && bytes < BACKLOG.bytes) return true
      if (performance.now() - this.#began > (this.#line === 0 ? PATIENCE_AT_START : PATIENCE)) return false
      await pause(PAUSE)
    }
  }

  #begin (line: Line, start: (line: Buffer) => Promise<Claim>): void {
    const number = this.#line
    if (line === undefined) {
      this.#refuse(number, TooLarge(this.#longest))
      return
    }
    if (isBlank(line)) return
    const at = this.#answers.push({ line: number }) - 1
    this.#rows++
    this.#bytes += line.length
    start(line).then(({ executionId, duplicate }) => {
      this.#accepted++
      this.#answers[at] = { line: number, executionId, ...(duplicate ? { duplicate } : {}) }
    }, (error: unknown) => {
      this.#answers[at] = { line: number, problem: this.#problem(error) }
    }).finally(() => {
      this.#rows--
      this.#bytes -= line.length
    })
  }

  /** The answer to the line that comes next, and to all behind it: they are not read. */
  #stop (error: unknown): false {
    this.#refuse(this.#line + 1, this.#problem(error))
    return false
  }

  #refuse (line: number, problem: Problem): void {
    this.#answers.push({ line, problem })
  }

  #problem (error: unknown): Problem {
    if (error instanceof Problem) return error
    this.#faults.push(error)
    return Internal()
  }
}

/** Nothing but spaces and a carriage return, as editors and `\r\n` leave them. */
function isBlank (line: Buffer): boolean {
  return line.length === 0 || (line.length < 64 && line.toString('latin1').trim() === '')
}

/** Whether it is the body that failed, not we: errors of streams have a code. */
function isBroken (error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).code === 'string'
}

import { on } from 'node:events'
import { WebSocket } from 'ws'

export type TailTarget =
  | { readonly executionId: string }
  | { readonly workflowId: string }
  | { readonly organization: true }

/** An event as the service sends it. */
export interface EventFrame {
  readonly type: 'event'
  readonly id: string
  readonly executionId: string
  readonly seq: number
  readonly cursor: string
  readonly at: string
  readonly event: { readonly type: string, readonly nodeId?: string } & Readonly<Record<string, unknown>>
}

type ServerFrame =
  | EventFrame
  | { readonly type: 'subscribed', readonly id: string, readonly cursor?: string }
  | { readonly type: 'error', readonly id: string | null, readonly code: string, readonly detail: string }
  | { readonly type: 'lagged', readonly id: string, readonly missedFrom: number | string | null }

export interface TailOptions {
  /** Of the service, such as http://127.0.0.1:3000 */
  readonly url: string
  readonly apiKey: string
  readonly target: TailTarget
  /** Where to go on: a `seq` for an execution, else a cursor. */
  readonly after?: number | string | null
  readonly signal?: AbortSignal
  /** The service can be reached, and events follow. */
  readonly onConnected?: () => void
  /** The connection broke, for the given reason; the next attempt is in so many milliseconds. */
  readonly onDisconnected?: (reason: string, delay: number) => void
}

/** The service answered, and will answer the same again. */
export class TailRefused extends Error {
  readonly code: string

  constructor (code: string, detail: string) {
    super(detail)
    this.name = 'TailRefused'
    this.code = code
  }
}

/** Nothing answered at the first attempt. */
export class TailUnreachable extends Error {}

const ID = 'tail'
const TERMINAL = new Set(['execution.succeeded', 'execution.failed', 'execution.cancelled', 'execution.timedOut'])
const FIRST_DELAY = 250
const LONGEST_DELAY = 10_000
const HANDSHAKE_TIMEOUT = 10_000
/** The service pings every 30 s; a silence longer than this, in milliseconds, is a dead connection. */
const SILENCE = 75_000
const MAX_REFUSAL = 64 * 1024
const REFUSALS = new Set([400, 401, 403, 404, 422, 426])

function isTerminal ({ event }: EventFrame): boolean {
  return TERMINAL.has(event.type)
}

/**
 * The events of an execution to its last one, or those of a workflow or organization without end. Connects again by itself,
 * behind the last event it gave. Throws TailRefused, TailUnreachable, or the reason of the signal.
 */
export async function * tailEvents (options: TailOptions): AsyncGenerator<EventFrame, void, undefined> {
  const { target, signal, onConnected, onDisconnected } = options
  let after = options.after ?? null
  let connected = false
  let delay = FIRST_DELAY
  while (true) {
    let reason = 'the service closed the connection'
    try {
      for await (const frame of frames(options, after)) {
        if (frame.type === 'error') throw new TailRefused(frame.code, frame.detail)
        if (frame.type === 'lagged') continue
        if (frame.type === 'subscribed') {
          connected = true
          delay = FIRST_DELAY
          after ??= frame.cursor ?? null
          onConnected?.()
          continue
        }
        after = 'executionId' in target ? frame.seq : frame.cursor
        yield frame
        if ('executionId' in target && isTerminal(frame)) return
      }
    } catch (error) {
      if (error instanceof TailRefused || signal?.aborted === true) throw error
      reason = error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error)
    }
    if (!connected) throw new TailUnreachable(reason)
    const pause = Math.round(delay * (0.5 + Math.random() / 2))
    onDisconnected?.(reason, pause)
    await sleep(pause, signal)
    delay = Math.min(LONGEST_DELAY, delay * 2)
  }
}

/** The frames of one connection. */
async function * frames ({ url, apiKey, target, signal }: TailOptions, after: number | string | null): AsyncGenerator<ServerFrame, void, undefined> {
  const socket = new WebSocket(webSocketUrl(url), { headers: { 'x-api-key': apiKey }, handshakeTimeout: HANDSHAKE_TIMEOUT, perMessageDeflate: false })
  let refusal: TailRefused | undefined
  const watchdog = setTimeout(() => { socket.terminate() }, SILENCE)
  socket.on('open', () => { socket.send(JSON.stringify({ type: 'subscribe', id: ID, ...target, after })) })
  socket.on('ping', () => { watchdog.refresh() })
  socket.on('unexpected-response', (_request, response) => {
    let body = ''
    response.on('data', chunk => { if (body.length < MAX_REFUSAL) body += String(chunk) })
    response.on('close', () => {
      refusal = refusalOf(response.statusCode ?? 0, body)
      socket.terminate()
    })
  })
  try {
    for await (const [data] of on(socket, 'message', { close: ['close'], ...(signal === undefined ? {} : { signal }) })) {
      watchdog.refresh()
      yield JSON.parse(String(data)) as ServerFrame
    }
  } catch (error) {
    throw refusal ?? error
  } finally {
    clearTimeout(watchdog)
    // A socket that is ended while it connects says so by an error.
    socket.on('error', () => {})
    socket.terminate()
  }
}

function webSocketUrl (url: string): string {
  const base = new URL(url)
  base.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:'
  base.pathname = `${base.pathname.replace(/\/$/, '')}/v1/tail`
  return base.href
}

/** What to tell the user; undefined where another attempt may well succeed. */
function refusalOf (status: number, body: string): TailRefused | undefined {
  if (!REFUSALS.has(status)) return undefined
  try {
    const { code, detail } = JSON.parse(body) as { code: unknown, detail: unknown }
    return new TailRefused(String(code), String(detail))
  } catch {
    return new TailRefused(`HTTP_${status}`, `The address answered ${status}, and not in the way of WeConnect.`)
  }
}

async function sleep (milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
    }, { once: true })
  })
}

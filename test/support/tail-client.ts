import { WebSocket } from 'ws'
import type { ApiClient } from './api-client.ts'

export interface TailedEvent { readonly executionId: string, readonly seq: number, readonly cursor: string, readonly event: { readonly type: string } }

/** A connection to the tail, which keeps all that comes. */
export interface TailConnection {
  readonly socket: WebSocket
  readonly events: TailedEvent[]
  /** What is no event */
  readonly others: Array<Record<string, unknown>>
  readonly closed: Promise<number>
  send (frame: unknown): void
  close (): void
}

export async function openTail (t: { teardown (close: () => unknown): unknown }, client: ApiClient, query = ''): Promise<TailConnection> {
  const headers = query === '' ? client.headers : {}
  const socket = new WebSocket(`${client.address.replace('http', 'ws')}/v1/tail${query}`, { headers })
  t.teardown(() => { socket.terminate() })
  const events: TailedEvent[] = []
  const others: Array<Record<string, unknown>> = []
  socket.on('message', data => {
    const frame = JSON.parse(data.toString()) as Record<string, unknown>
    if (frame['type'] === 'event') events.push(frame as unknown as TailedEvent)
    else others.push(frame)
  })
  const closed = new Promise<number>(resolve => { socket.on('close', resolve) })
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve)
    // Also later on, where a test sends what ends a connection.
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => { reject(new Error(`The tail answered ${response.statusCode}`)) })
  })
  return { socket, events, others, closed, send (frame) { socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)) }, close () { socket.close() } }
}

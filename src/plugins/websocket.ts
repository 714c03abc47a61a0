import websocketPlugin from '@fastify/websocket'
import fp from 'fastify-plugin'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

const MAX_PAYLOAD = 16 * 1024
// A frame of ours fits a few packets. Without limits, fragments of a byte each cost a hundred times their size.
const MAX_FRAGMENTS = 64
const MAX_BUFFERED_CHUNKS = 1024
// Past a limit of its own Node drops headers in silence, and with them perhaps the one that matters.
const MAX_HEADERS = 200
const PING_INTERVAL = 30_000
const GOING_AWAY = 1001
const INTERNAL_ERROR = 1011
const CLOSE_GRACE = 2000
const LEAVING_HEADERS = new Set(['connection', 'upgrade', 'http2-settings'])

/** WebSocket upgrades go through the hooks of their route before they happen. Register it at the root, before any route. */
export const websocket = fp(async function websocketsPlugin (app) {
  // Not the server itself: it would hand over every request that offers any other protocol, too.
  const upgrades = new EventEmitter()
  app.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (request.rawHeaders.length > 2 * MAX_HEADERS) app.server.emit('clientError', Object.assign(new Error('Too many headers'), { code: 'HPE_HEADER_OVERFLOW' }), socket)
    else if (request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket') upgrades.emit('upgrade', request, socket, head)
    else declineUpgrade(request, socket, head)
  })
  await app.register(websocketPlugin, {
    options: {
      server: upgrades as never,
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      // Off: it drops the connection without a word. Connections count pings themselves, and say why.
      ...{ maxPendingAutoPongs: 0 }
    },
    errorHandler (error, socket, request) {
      // `ws` has sent the close frame that fits what the client did; closing is enough for faults of ours, too.
      request.log.debug({ err: error }, 'A WebSocket failed')
      if (socket.readyState === socket.OPEN) socket.close(INTERNAL_ERROR)
      terminateLater(socket)
    },
    preClose (done) {
      for (const client of app.websocketServer.clients) {
        client.close(GOING_AWAY, 'The server is stopping')
        terminateLater(client)
      }
      app.websocketServer.close(() => { done() })
    }
  })

  const answered = new WeakSet<WebSocket>()
  app.websocketServer.on('connection', socket => {
    answered.add(socket)
    socket.on('pong', () => { answered.add(socket) })
  })
  const pings = setInterval(() => {
    for (const socket of app.websocketServer.clients) {
      if (!answered.delete(socket)) socket.terminate()
      else if (socket.readyState === socket.OPEN) socket.ping()
    }
  }, PING_INTERVAL).unref()
  app.addHook('onClose', async () => { clearInterval(pings) })

  /**
   * A client that offers another protocol (HTTP/2 on clear text, as Java's does by default) means its request all the same:
   * it is put back without the offer, to be answered in HTTP/1.1 (RFC 9110, section 7.8).
   */
  function declineUpgrade ({ method, url, httpVersion, rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
    const lines = [`${method} ${url} HTTP/${httpVersion}`]
    for (let index = 0; index < rawHeaders.length; index += 2) {
      if (!LEAVING_HEADERS.has(rawHeaders[index]!.toLowerCase())) lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`)
    }
    if (head.length > 0) socket.unshift(head)
    socket.unshift(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
    app.server.emit('connection', socket)
  }
}, { name: 'websocket', fastify: '5.x' })

function terminateLater (socket: WebSocket): void {
  setTimeout(() => { socket.terminate() }, CLOSE_GRACE).unref()
}

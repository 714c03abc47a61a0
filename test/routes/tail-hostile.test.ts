import { randomBytes } from 'node:crypto'
import net from 'node:net'
import t from 'tap'
import { Client, tailApp } from './tail-app.ts'
import { accept, nextId } from '../services/tail/history.ts'

type Tap = Pick<typeof t, 'equal'>

const { port, url, headers, organizationId, workflowId, sql, app } = await tailApp(t)

interface RawPeer {
  readonly socket: net.Socket
  /** The code of the close frame that came, once the connection is over. */
  readonly over: Promise<number | undefined>
}

/** A connection whose bytes are ours: `ws` would not send what these tests need. */
async function upgraded (extra: readonly string[] = []): Promise<RawPeer & { status: number }> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write([
    'GET /v1/tail HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, `Authorization: ${headers.authorization}`, ...extra, '', ''
  ].join('\r\n'))
  let received = Buffer.alloc(0)
  const over = new Promise<number | undefined>(resolve => {
    socket.on('close', () => {
      const at = received.findIndex((byte, index) => byte === 0x88 && index >= received.indexOf('\r\n\r\n') + 4)
      resolve(at === -1 ? undefined : received.readUInt16BE(at + 2))
    })
  })
  const status = await new Promise<number>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]).subarray(0, 100_000)
      const head = received.toString('latin1')
      if (head.includes('\r\n\r\n')) resolve(Number(head.slice(9, 12)))
    })
    socket.on('close', () => { reject(new Error('closed without an answer')) })
  })
  return { socket, over, status }
}

/** RFC 6455, section 5.2. */
function frame (opcode: number, payload: Buffer, { fin = true, masked = true } = {}): Buffer {
  const mask = masked ? randomBytes(4) : Buffer.alloc(0)
  const length = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.from([126, payload.length >> 8, payload.length & 255])
  length[0]! |= masked ? 0x80 : 0
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), length, mask, masked ? payload.map((byte, index) => byte ^ mask[index % 4]!) : payload])
}

const TEXT = 1
const CONTINUATION = 0
const PING = 9
const PONG = 10

/** Another reader, which must not feel any of it. */
async function bystander (): Promise<Client> {
  const client = await new Client(url, headers).opened()
  const { executionId } = await accept(sql, organizationId, workflowId)
  client.send({ type: 'subscribe', id: 'b', executionId })
  await client.until(one => one.of('b').length === 1)
  return client
}

const watcher = await bystander()
async function unaffected (t: Tap): Promise<void> {
  t.equal(watcher.closed, undefined, 'others are unaffected')
  const again = await bystander()
  again.socket.terminate()
}
t.teardown(() => { watcher.socket.terminate() })

t.test('invalid UTF-8 closes with 1007', async t => {
  const { socket, over } = await upgraded()
  socket.write(frame(TEXT, Buffer.from('c328', 'hex')))
  t.equal(await over, 1007)
  await unaffected(t)
})

t.test('an unmasked frame closes with 1002', async t => {
  const { socket, over } = await upgraded()
  socket.write(frame(TEXT, Buffer.from('{}'), { masked: false }))
  t.equal(await over, 1002)
  await unaffected(t)
})

t.test('a frame over 16 KiB closes with 1009', async t => {
  const { socket, over } = await upgraded()
  socket.write(frame(TEXT, Buffer.alloc(16 * 1024 + 1, 'a')))
  t.equal(await over, 1009)
  await unaffected(t)
})

t.test('a hundred thousand fragments of a byte each close, and take no memory', async t => {
  global.gc?.()
  const before = process.memoryUsage.rss()
  const { socket, over } = await upgraded()
  socket.write(frame(TEXT, Buffer.from('a'), { fin: false }))
  const fragments = Buffer.concat(Array.from({ length: 100_000 }, () => frame(CONTINUATION, Buffer.from('a'), { fin: false })))
  const own = process.memoryUsage.rss() - before
  socket.write(fragments)
  t.equal(await over, 1008)
  t.ok(process.memoryUsage.rss() - before - own < 20 * 1024 * 1024)
  await unaffected(t)
})

t.test('floods of pings, of pongs and of frames close with 1008', async t => {
  const floods = [
    Array.from({ length: 10_000 }, () => frame(PING, Buffer.alloc(0))),
    Array.from({ length: 10_000 }, () => frame(PONG, Buffer.alloc(100))),
    Array.from({ length: 10_000 }, (_, index) => frame(TEXT, Buffer.from(JSON.stringify({ type: index % 2 === 0 ? 'subscribe' : 'unsubscribe', id: 'x', ...(index % 2 === 0 ? { executionId: nextId() } : {}) }))))
  ]
  for (const flood of floods) {
    const { socket, over } = await upgraded()
    socket.write(Buffer.concat(flood))
    t.equal(await over, 1008)
  }
  await unaffected(t)
})

t.test('binary frames are none of ours', async t => {
  const { socket, over } = await upgraded()
  for (let count = 0; count < 3; count++) socket.write(frame(2, Buffer.from('{"type":"subscribe","id":"a","organization":true}')))
  t.equal(await over, 1008)
  await unaffected(t)
})

t.test('two thousand headers are refused', async t => {
  const { status, socket } = await upgraded(Array.from({ length: 2000 }, (_, index) => `X-H${index}: 1`))
  t.equal(status, 431)
  socket.destroy()
  await unaffected(t)
})

t.test('an upgrade on any other path is answered, and its connection closed', async t => {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let text = ''
  socket.on('data', chunk => { text += String(chunk) })
  socket.write(['GET /v1/nowhere HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n'))
  await new Promise(resolve => { socket.on('close', resolve) })
  t.match(text, /^HTTP\/1.1 404 /)
  socket.destroy()
  await unaffected(t)
})

t.test('peers that vanish leave nothing behind', async t => {
  for (let count = 0; count < 20; count++) {
    const { socket } = await upgraded()
    socket.write(frame(TEXT, Buffer.from('{"type":"subscribe","id":"a","organization":true}')))
    socket.resetAndDestroy()
  }
  await watcher.until(() => app.websocketServer.clients.size <= 1)
  t.ok(app.websocketServer.clients.size <= 1)
  await unaffected(t)
})

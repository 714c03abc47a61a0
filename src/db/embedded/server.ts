import { randomInt } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import type { Client, Scheduler } from './scheduler.ts'
import {
  fatalMessage, findMessage, messageType, ProtocolViolation, readFirstPacket, refuseCopy, takeUnits
} from './wire.ts'

/** A message above this is refused before it is buffered; PostgreSQL's limit of a value is 1 GB, WebAssembly's memory 2 GB. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024

export type ListenAddress = { path: string } | { host: string, port: number }

/** Speaks the protocol on a private socket; whoever can open the socket is trusted, there is no password. */
export class ProtocolServer {
  private readonly server: Server
  private readonly scheduler: Scheduler
  private readonly greeting: Buffer
  private readonly connections = new Set<Connection>()
  private lastProcessId = 0

  constructor (scheduler: Scheduler, greeting: Buffer) {
    this.scheduler = scheduler
    this.greeting = greeting
    this.server = createServer(socket => this.accept(socket))
  }

  /** Resolves to the port for a TCP address. */
  async listen (address: ListenAddress): Promise<number | undefined> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(address, () => {
        this.server.off('error', reject)
        resolve()
      })
    })
    const bound = this.server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : undefined
  }

  /** Stops accepting, lets what runs end within `graceMs`, then tells the rest that the server goes down. */
  async close (graceMs: number): Promise<void> {
    const closed = new Promise<void>(resolve => { this.server.close(() => resolve()) })
    const deadline = performance.now() + graceMs
    while (this.scheduler.idleMs === 0 && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 5))
    for (const connection of this.connections) connection.fail('57P01', 'terminating connection due to administrator command')
    await closed
  }

  private accept (socket: Socket): void {
    const connection: Connection = new Connection(socket, this.scheduler, this.greetingFor(++this.lastProcessId), () => {
      this.connections.delete(connection)
    })
    this.connections.add(connection)
  }

  private greetingFor (processId: number): Buffer {
    const greeting = Buffer.from(this.greeting)
    const keyData = findMessage(greeting, messageType.backendKeyData)
    keyData?.writeInt32BE(processId, 5)
    keyData?.writeInt32BE(randomInt(2 ** 31), 9)
    return greeting
  }
}

class Connection implements Client {
  role = ''
  private readonly socket: Socket
  private readonly scheduler: Scheduler
  private readonly greeting: Buffer
  private started = false
  private chunks: Buffer[] = []
  private buffered = 0
  private wanted = 0
  private copies = false

  constructor (socket: Socket, scheduler: Scheduler, greeting: Buffer, onClose: () => void) {
    this.socket = socket
    this.scheduler = scheduler
    this.greeting = greeting
    socket.setNoDelay(true)
    socket.on('data', data => this.receive(data))
    // A reset is a way of leaving like any other: 'close' follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      scheduler.leave(this)
      onClose()
    })
  }

  send (answer: Buffer): void {
    if (answer.length > 0 && this.socket.writable) this.socket.write(answer)
  }

  fail (code: string, message: string): void {
    this.scheduler.leave(this)
    this.socket.removeAllListeners('data')
    this.socket.end(fatalMessage(code, message), () => this.socket.destroy())
  }

  private receive (data: Buffer): void {
    this.chunks.push(data)
    this.buffered += data.length
    if (this.buffered < this.wanted) return
    try {
      const buffer = this.chunks.length === 1 ? data : Buffer.concat(this.chunks)
      this.keep(this.started ? this.take(buffer) : this.start(buffer))
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.fail('08P01', error.message)
    }
  }

  private keep (rest: Buffer): void {
    this.chunks = rest.length === 0 ? [] : [rest]
    this.buffered = rest.length
  }

  private start (buffer: Buffer): Buffer {
    const packet = readFirstPacket(buffer)
    switch (packet.kind) {
      case 'incomplete': return buffer
      case 'encryption':
        this.socket.write('N')
        return this.start(buffer.subarray(packet.length))
      case 'cancel':
        // A running statement blocks this thread, so it is over before its cancellation can be read.
        this.socket.destroy()
        return Buffer.alloc(0)
      case 'startup':
        this.started = true
        this.role = packet.parameters.get('role') ?? ''
        this.scheduler.join(this, this.greeting)
        return this.take(buffer.subarray(packet.length))
    }
  }

  private take (buffer: Buffer): Buffer {
    const { units, rest, wanted } = takeUnits(buffer, MAX_MESSAGE_BYTES)
    this.wanted = wanted
    const goodbye = units.findIndex(unit => unit.terminate)
    const runnable = goodbye === -1 ? units : units.slice(0, goodbye)
    for (const unit of runnable) {
      // A statement that was prepared in an earlier unit may run in any later one.
      this.copies ||= unit.copies
      if (this.copies) refuseCopy(unit)
    }
    this.scheduler.submit(this, runnable)
    if (goodbye !== -1) this.socket.end()
    return rest
  }
}

/**
 * The few facts of the PostgreSQL frontend/backend protocol 3.0 that sharing one session needs
 * (https://www.postgresql.org/docs/18/protocol-message-formats.html). A typed message is one byte of type, four of length
 * (which counts itself), then the body; the first packet of a connection has no type.
 */

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const PROTOCOL_3 = 196608
/** PostgreSQL's own limit of a startup packet is 10,000 bytes. */
const MAX_STARTUP_BYTES = 10_000

export const messageType = {
  parse: 0x50,
  query: 0x51,
  sync: 0x53,
  flush: 0x48,
  close: 0x43,
  terminate: 0x58,
  functionCall: 0x46,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  backendKeyData: 0x4b,
  copyInResponse: 0x47,
  copyBothResponse: 0x57,
  error: 0x45
} as const

const SYNC_BYTES = 5
const COPY_FROM_CLIENT = /\bcopy\b[^]*\bstdin\b/i

export class ProtocolViolation extends Error {}

/** A piece of a connection's stream that the session must run without a break. */
export interface Unit {
  bytes: Buffer
  /** Whether it ends at Sync or Query, so that another connection may go next unless a transaction is open. */
  synced: boolean
  /** Names of prepared statements that it makes and drops. */
  prepared: string[]
  dropped: string[]
  terminate: boolean
  /** Whether its SQL could start a COPY from the client. */
  copies: boolean
}

export type FirstPacket =
  | { kind: 'incomplete' }
  | { kind: 'encryption', length: number }
  | { kind: 'cancel' }
  | { kind: 'startup', length: number, parameters: Map<string, string> }

export function readFirstPacket (buffer: Buffer): FirstPacket {
  if (buffer.length < 8) return { kind: 'incomplete' }
  const length = buffer.readInt32BE(0)
  if (length < 8 || length > MAX_STARTUP_BYTES) throw new ProtocolViolation('invalid length of startup packet')
  if (buffer.length < length) return { kind: 'incomplete' }
  switch (buffer.readInt32BE(4)) {
    case SSL_REQUEST:
    case GSS_REQUEST: return { kind: 'encryption', length }
    case CANCEL_REQUEST: return { kind: 'cancel' }
    case PROTOCOL_3: return { kind: 'startup', length, parameters: readParameters(buffer.subarray(8, length)) }
    default: throw new ProtocolViolation('unsupported frontend protocol')
  }
}

function readParameters (body: Buffer): Map<string, string> {
  const words = body.toString('utf8').split('\0')
  const parameters = new Map<string, string>()
  for (let i = 0; i + 1 < words.length && words[i] !== ''; i += 2) parameters.set(words[i] ?? '', words[i + 1] ?? '')
  return parameters
}

/**
 * Cuts the complete messages off a buffer, up to and including the last that ends a unit. `wanted` is the length that the
 * rest must reach before another look is worth it, so that a message of megabytes is not copied once for each chunk.
 */
export function takeUnits (buffer: Buffer, maxMessageBytes: number): { units: Unit[], rest: Buffer, wanted: number } {
  const units: Unit[] = []
  let start = 0
  let wanted = 0
  let unit = emptyUnit()
  for (let at = 0; at + 5 <= buffer.length;) {
    const length = buffer.readInt32BE(at + 1)
    if (length < 4 || length > maxMessageBytes) throw new ProtocolViolation('invalid message length')
    const end = at + 1 + length
    if (end > buffer.length) {
      wanted = end - start
      break
    }
    const type = buffer[at]
    noteStatement(unit, type, buffer.subarray(at + 5, end))
    if (isCopy(type) && start === at) {
      // Comes after a COPY that was refused; the protocol wants it ignored.
      start = end
    } else if (endsUnit(type)) {
      unit.bytes = buffer.subarray(start, end)
      unit.synced = type === messageType.sync || type === messageType.query || type === messageType.functionCall
      unit.terminate = type === messageType.terminate
      units.push(unit)
      unit = emptyUnit()
      start = end
    }
    at = end
  }
  return { units, rest: buffer.subarray(start), wanted }
}

function emptyUnit (): Unit {
  return { bytes: Buffer.alloc(0), synced: false, prepared: [], dropped: [], terminate: false, copies: false }
}

function endsUnit (type: number | undefined): boolean {
  return type === messageType.sync || type === messageType.query || type === messageType.flush ||
    type === messageType.terminate || type === messageType.functionCall
}

function isCopy (type: number | undefined): boolean {
  return type === messageType.copyData || type === messageType.copyDone || type === messageType.copyFail
}

function noteStatement (unit: Unit, type: number | undefined, body: Buffer): void {
  if (type === messageType.parse) {
    const name = cString(body, 0)
    if (name !== '') unit.prepared.push(name)
    unit.copies ||= COPY_FROM_CLIENT.test(cString(body, Buffer.byteLength(name) + 1))
  } else if (type === messageType.query) {
    unit.copies ||= COPY_FROM_CLIENT.test(cString(body, 0))
  } else if (type === messageType.close && body[0] === 0x53) {
    unit.dropped.push(cString(body, 1))
  }
}

/**
 * PGlite cannot wait for the data of a COPY: it reads an empty stream for ever. A CopyFail where the data would come ends
 * the COPY with an error, and is ignored by a statement that turns out to be none.
 */
export function refuseCopy (unit: Unit): void {
  const refusal = frame(messageType.copyFail, text('the embedded database takes no COPY from a client'))
  const isQuery = unit.bytes[unit.bytes.length - SYNC_BYTES] !== messageType.sync || unit.bytes[0] === messageType.query
  const end = isQuery ? unit.bytes.length : unit.bytes.length - SYNC_BYTES
  unit.bytes = Buffer.concat([unit.bytes.subarray(0, end), refusal, unit.bytes.subarray(end)])
}

function cString (body: Buffer, start: number): string {
  const end = body.indexOf(0, start)
  return body.toString('utf8', start, end === -1 ? body.length : end)
}

function frame (type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(5)
  head[0] = type
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const text = (value: string) => Buffer.from(`${value}\0`)

export const syncMessage = (): Buffer => frame(messageType.sync)
export const queryMessage = (sql: string): Buffer => frame(messageType.query, text(sql))
export const parseMessage = (sql: string): Buffer => frame(messageType.parse, text(''), text(sql), Buffer.alloc(2))
export const closeStatementMessage = (name: string): Buffer => frame(messageType.close, Buffer.from('S'), text(name))

export function startupMessage (parameters: Record<string, string>): Buffer {
  const body = Buffer.from(Object.entries(parameters).map(([key, value]) => `${key}\0${value}\0`).join('') + '\0')
  const head = Buffer.alloc(8)
  head.writeInt32BE(body.length + 8, 0)
  head.writeInt32BE(PROTOCOL_3, 4)
  return Buffer.concat([head, body])
}

export function fatalMessage (code: string, message: string): Buffer {
  return frame(messageType.error, text('SFATAL'), text('VFATAL'), text(`C${code}`), text(`M${message}`), Buffer.alloc(1))
}

/** The first message of a type in a backend's answer, whole; the answer must consist of complete messages. */
export function findMessage (answer: Buffer, type: number): Buffer | undefined {
  for (let at = 0; at + 5 <= answer.length;) {
    const end = at + 1 + answer.readInt32BE(at + 1)
    if (answer[at] === type) return answer.subarray(at, end)
    at = end
  }
  return undefined
}

/** SQLSTATE and text of an ErrorResponse. */
export function readError (message: Buffer): { code: string, message: string } {
  const fields = new Map(message.toString('utf8', 5).split('\0').map(field => [field.slice(0, 1), field.slice(1)]))
  return { code: fields.get('C') ?? 'XX000', message: fields.get('M') ?? 'unknown error' }
}

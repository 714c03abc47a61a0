// @ts-check
// Plain JavaScript, as everything in this directory: its processes run without a loader, from the sources as from the build.

/** Bytes of the length in front of each message. */
const HEADER = 4

/**
 * A message: the length of the text in bytes, and the text.
 * @param {string} text
 * @returns {Buffer}
 */
export function encodeFrame (text) {
  const length = Buffer.byteLength(text)
  const frame = Buffer.allocUnsafe(HEADER + length)
  frame.writeUInt32BE(length)
  frame.write(text, HEADER)
  return frame
}

/** Finds the messages in a stream of bytes. */
export class FrameReader {
  #limit
  /** @type {Buffer[]} */
  #chunks = []
  #size = 0
  /** Bytes that must be there before anything can be read. */
  #wanted = HEADER

  /** @param {number} limit bytes of the longest message that is believed */
  constructor (limit) {
    this.#limit = limit
  }

  /**
   * Throws RangeError for a message beyond the limit.
   * @param {Buffer} chunk
   * @returns {string[]} the messages that are complete now
   */
  push (chunk) {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    /** @type {string[]} */
    const messages = []
    while (this.#size >= this.#wanted) {
      const bytes = this.#chunks.length === 1 ? /** @type {Buffer} */(this.#chunks[0]) : Buffer.concat(this.#chunks)
      const length = bytes.readUInt32BE()
      if (length > this.#limit) throw new RangeError(`A message of ${length} bytes`)
      const end = HEADER + length
      if (bytes.length >= end) messages.push(bytes.toString('utf8', HEADER, end))
      const rest = bytes.length >= end ? bytes.subarray(end) : bytes
      this.#chunks = rest.length === 0 ? [] : [rest]
      this.#size = rest.length
      this.#wanted = bytes.length >= end ? HEADER : end
    }
    return messages
  }
}

import type { IncomingMessage } from 'node:http'

const MAX_DISCARDED_BYTES = 67_108_864
const MAX_MILLISECONDS = 5000

/**
 * Calls back once the client has sent the rest of its body, which is dropped, or has sent too much of it or for too
 * long. RFC 9112 section 9.6: a client that still writes when the connection closes gets a reset, and loses the
 * answer that says why.
 */
export function discardBody (request: IncomingMessage, done: () => void): void {
  if (request.readableEnded || request.destroyed) {
    done()
    return
  }
  let size = 0
  const timer = setTimeout(finish, MAX_MILLISECONDS)
  request.on('data', count).once('end', finish).once('close', finish).resume()

  function count (chunk: Buffer): void {
    size += chunk.length
    if (size > MAX_DISCARDED_BYTES) finish()
  }

  function finish (): void {
    clearTimeout(timer)
    request.off('data', count).off('end', finish).off('close', finish)
    done()
  }
}

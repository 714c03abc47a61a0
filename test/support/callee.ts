import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Call {
  readonly path: string
  readonly key: string | undefined
  readonly at: number
  /** The caller went away before the answer. */
  aborted: boolean
  answered: boolean
}

/** What the HTTP nodes of a test call: as slow as the test says, and it remembers everything. */
export interface Callee {
  readonly url: string
  readonly calls: readonly Call[]
  callsTo (path: string): readonly Call[]
  /** milliseconds before an answer; calls that wait already keep theirs */
  delay: number
  /** While true, no call is answered; false answers those that wait. */
  hold: boolean
}

export async function startCallee (t: { teardown (close: () => unknown): unknown }): Promise<Callee> {
  const calls: Call[] = []
  const held = new Set<() => void>()
  let delay = 0
  let hold = false

  function handle (request: IncomingMessage, response: ServerResponse): void {
    const call: Call = { path: (request.url ?? '').split('?')[0]!, key: request.headers['idempotency-key']?.toString(), at: Date.now(), aborted: false, answered: false }
    calls.push(call)
    const answer = (): void => {
      if (call.aborted) return
      call.answered = true
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"call":${calls.indexOf(call)}}`)
    }
    response.on('close', () => {
      if (call.answered) return
      call.aborted = true
      held.delete(answer)
    })
    request.resume()
    if (hold) held.add(answer)
    else setTimeout(answer, delay)
  }

  const server = createServer(handle)
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    callsTo: path => calls.filter(call => call.path === path),
    get delay () { return delay },
    set delay (value) { delay = value },
    get hold () { return hold },
    set hold (value) {
      hold = value
      if (value) return
      for (const answer of held) answer()
      held.clear()
    }
  }
}

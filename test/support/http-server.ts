import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface TestServer {
  readonly port: number
  readonly url: string
  /** TCP connections accepted so far. */
  connections (): number
  /** Requests whose headers have arrived so far, in order. */
  readonly requests: readonly IncomingMessage[]
  close (): Promise<void>
}

/** A real HTTP server on a free port of 127.0.0.1 that counts what reaches it. */
export async function startServer (handler: RequestListener): Promise<TestServer> {
  const requests: IncomingMessage[] = []
  let connections = 0
  const server = createServer((request, response) => {
    requests.push(request)
    handler(request, response)
  })
  server.on('connection', () => { connections++ })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    requests,
    close: () => new Promise(resolve => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  }
}

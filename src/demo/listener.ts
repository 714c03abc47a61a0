import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Notification {
  readonly idempotencyKey: string
  readonly body: { readonly kind?: string, readonly title?: string, readonly repository?: string }
}

export interface Listener {
  readonly url: string
  /** What it was told so far, in order. */
  readonly heard: readonly Notification[]
  close (): Promise<void>
}

/** The service that the workflow notifies: a small HTTP server on a free port of this machine. */
export async function startListener (): Promise<Listener> {
  const heard: Notification[] = []
  const server = createServer((request, response) => {
    readJson(request).then(body => {
      heard.push({ idempotencyKey: String(request.headers['idempotency-key'] ?? ''), body: body as Notification['body'] })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"received":true}')
    }, () => { response.writeHead(400).end() })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notifications`,
    heard,
    async close () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

async function readJson (request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'

export interface WireRequest {
  readonly method: string
  /** As it goes into the request line */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
}

export interface WireAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

const LIMIT = 30_000

/** One try; a reset before the answer was read gives status 0. */
async function sendOnce (address: string, { method, path, headers, body }: WireRequest): Promise<WireAnswer> {
  const { hostname, port } = new URL(address)
  return await new Promise(resolve => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false })
    request.setTimeout(LIMIT, () => request.destroy(new Error('no answer')))
    request.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      const done = (): void => { resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }) }
      response.on('end', done)
      response.on('error', done)
    })
    // Also after an answer to a body that is still on its way.
    request.on('error', () => { resolve({ status: 0, headers: {}, text: '' }) })
    request.end(body)
  })
}

/** Sends a request as it stands, however odd. A server that keeps closing before it has answered gives status 0. */
export async function send (address: string, request: WireRequest): Promise<WireAnswer> {
  let answer = await sendOnce(address, request)
  // An answer that comes while the body is on its way can be lost to the reset that follows it.
  for (let tries = 1; answer.status === 0 && tries < 5; tries++) answer = await sendOnce(address, request)
  return answer
}

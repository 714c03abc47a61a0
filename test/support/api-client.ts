import { until } from './service-process.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Of JSON */
  readonly body: any
}

export interface Execution { readonly id: string, readonly workflowId: string, readonly version: number, readonly trigger: string, readonly status: string, readonly error: { code: string, message: string, nodeId?: string } | null, readonly startedAt: string | null, readonly finishedAt: string | null }
export interface Step { readonly nodeId: string, readonly run: number, readonly attempt: number, readonly status: string, readonly outputs: Record<string, Array<{ json: Record<string, any> }>>, readonly error: { code: string } | null }

const TERMINAL = new Set(['succeeded', 'failed', 'cancelled', 'timedOut'])
const REQUEST_LIMIT = 30_000

/** What a client of the public contract does, over the wire. */
export class ApiClient {
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
  readonly slug: string

  constructor (address: string, headers: Record<string, string> = {}, slug = 'local') {
    this.address = address
    this.headers = headers
    this.slug = slug
  }

  /** An account with an organization of its own. */
  static async register (address: string, name: string): Promise<ApiClient> {
    const anonymous = new ApiClient(address)
    const { accessToken } = await anonymous.call('POST', '/v1/auth/register', { email: `${name.toLowerCase()}@example.org`, password: 'correct staple horse 9', name, organizationName: name })
    const session = new ApiClient(address, { authorization: `Bearer ${accessToken}` })
    const { data } = await session.call('GET', '/v1/organizations')
    return new ApiClient(address, session.headers as Record<string, string>, data[0].slug)
  }

  async request (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.address + path, {
      method,
      headers: { ...this.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_LIMIT)
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, text, body: isJson && text !== '' ? JSON.parse(text) : undefined }
  }

  /** The body of an answer that must be well. */
  async call (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<any> {
    const answer = await this.request(method, path, body, headers)
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  async publish (workflow: object): Promise<{ id: string, version: number }> {
    const { id } = await this.call('POST', '/v1/workflows', workflow)
    const published = await this.call('POST', `/v1/workflows/${id}/publish`, {})
    return { id, version: published.publishedVersion }
  }

  async hook (path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.request('POST', `/hooks/${this.slug}/${path}`, body, headers)
  }

  /** Posts one that must be accepted. */
  async start (path: string, body: unknown = {}): Promise<string> {
    const answer = await this.hook(path, body)
    if (answer.status !== 202) throw new Error(`The hook ${path} answered ${answer.status} ${answer.text}`)
    return answer.body.executionId
  }

  async execution (id: string): Promise<Execution> {
    return await this.call('GET', `/v1/executions/${id}`)
  }

  async steps (id: string): Promise<Map<string, Step>> {
    const { data } = await this.call('GET', `/v1/executions/${id}/steps`) as { data: Step[] }
    return new Map(data.map(step => [step.nodeId, step]))
  }

  async events (id: string): Promise<Array<{ seq: number, type: string }>> {
    const events: Array<{ seq: number, type: string }> = []
    for (;;) {
      const page = await this.call('GET', `/v1/executions/${id}/events?limit=200&after=${events.at(-1)?.seq ?? 0}`) as { data: Array<{ seq: number, event: { type: string } }> }
      if (page.data.length === 0) return events
      events.push(...page.data.map(({ seq, event }) => ({ seq, type: event.type })))
    }
  }

  async executions (query: Record<string, string> = {}): Promise<Execution[]> {
    const all: Execution[] = []
    let cursor: string | null = null
    do {
      const search: string = new URLSearchParams({ limit: '200', ...query, ...(cursor === null ? {} : { cursor }) }).toString()
      const page = await this.call('GET', `/v1/executions?${search}`) as { data: Execution[], nextCursor: string | null }
      all.push(...page.data)
      cursor = page.nextCursor
    } while (cursor !== null)
    return all
  }

  async finished (id: string, limit = 30_000): Promise<Execution> {
    return await until(`the execution ${id} has ended`, async () => {
      const execution = await this.execution(id)
      return TERMINAL.has(execution.status) && execution
    }, limit)
  }

  /** Every execution of the workflow, once all have ended and there are no fewer than that. */
  async allFinished (workflowId: string, atLeast: number, limit = 60_000): Promise<Execution[]> {
    let last: Execution[] = []
    try {
      return await until('all executions have ended', async () => {
        last = await this.executions({ workflowId })
        return last.length >= atLeast && last.every(({ status }) => TERMINAL.has(status)) && last
      }, limit, 250)
    } catch (error) {
      const unfinished = last.filter(({ status }) => !TERMINAL.has(status)).map(({ id, status }) => `${id} ${status}`)
      throw new Error(`${(error as Error).message}: ${last.length} of ${atLeast} are there, ${unfinished.length} unfinished: ${unfinished.slice(0, 5).join(', ')}`)
    }
  }

  /** The sum of a counter of this process. */
  async metric (name: string): Promise<number> {
    const { text } = await this.request('GET', '/metrics')
    return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0)
  }
}

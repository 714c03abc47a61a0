import type { DemoRequest } from './payloads.ts'

export interface Execution { readonly id: string, readonly status: string, readonly error: { readonly message: string } | null }
export interface Step { readonly nodeId: string, readonly status: string }

export interface Answer {
  readonly status: number
  readonly executionId: string
  readonly body: unknown
}

const TIMEOUT = 10_000

/** The HTTP API, as anyone would use it. */
export function createClient (url: string, apiKey: string) {
  async function call<T> (method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}/v1${path}`, {
      method,
      headers: { 'x-api-key': apiKey, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(TIMEOUT),
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (!response.ok) throw new Error(`${method} /v1${path} answered ${response.status}: ${await response.text()}`)
    return await response.json() as T
  }

  return {
    setVariable: async (name: string, value: string) => await call('PUT', `/variables/${name}`, { value }),
    execution: async (id: string) => await call<Execution>('GET', `/executions/${id}`),
    steps: async (id: string) => (await call<{ data: readonly Step[] }>('GET', `/executions/${id}/steps`)).data,

    /** What a stranger sends to a webhook: no credentials. */
    async post (organizationSlug: string, { path, headers, body }: DemoRequest): Promise<Answer> {
      const response = await fetch(`${url}/hooks/${organizationSlug}/${path}`, {
        method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT)
      })
      const executionId = response.headers.get('x-execution-id')
      const text = await response.text()
      if (executionId === null) throw new Error(`POST ${path} answered ${response.status} and started nothing: ${text}`)
      return { status: response.status, executionId, body: JSON.parse(text) as unknown }
    }
  }
}

export type Client = ReturnType<typeof createClient>

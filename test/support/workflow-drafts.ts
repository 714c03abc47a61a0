import type { Call } from './workflow-app.ts'

export const start = { id: 'start', type: 'manual' }

/** A workflow whose texts are awkward to keep as they were written. */
export const intake = {
  name: 'Order intake',
  nodes: [
    { id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'orders' }, position: { x: 1.5, y: -2 } },
    { id: 'price', type: 'set', parameters: { fields: { total: '{{ $json.body.quantity * 2 }}', 'line\nbreak': 1, é: '😀' } }, name: 'Price' }
  ],
  connections: [{ from: 'in', to: 'price' }],
  settings: { timeout: '5m' }
}

export const draft = (name: string) => ({ name, nodes: [start], connections: [], settings: {} })

export function creator (call: Call) {
  return async function create (body: unknown = draft('A')): Promise<{ id: string, etag: string }> {
    const answer = await call('POST', '/workflows', body)
    if (answer.statusCode !== 201) throw new Error(answer.body)
    return { id: answer.json<{ id: string }>().id, etag: String(answer.headers['etag']) }
  }
}

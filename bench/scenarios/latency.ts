import { WebSocket } from 'ws'
import { BODY, load } from '../support/load-generator.ts'
import type { Product } from '../support/product.ts'
import { percentile } from '../support/statistics.ts'

/** p99 of the 202 under full load, milliseconds, with the maintenance timers on. */
export async function acceptanceLatency (product: Product, seconds: number): Promise<{ p50: number, p99: number, requestsPerSecond: number }> {
  const { p50, p99, requests, seconds: taken } = await load(product.hook, seconds)
  return { p50, p99, requestsPerSecond: requests / taken }
}

/** From the POST to the terminal event seen on a WebSocket that tails the workflow's executions, milliseconds. */
export async function tailLatency (product: Product, { rate, count }: { rate: number, count: number }): Promise<{ p50: number, p99: number }> {
  const socket = new WebSocket(`${product.address.replace('http', 'ws')}/v1/tail`, { headers: { 'x-api-key': product.apiKey } })
  const sent = new Map<string, number>()
  const seen = new Map<string, number>()
  await new Promise((resolve, reject) => { socket.once('open', resolve).once('error', reject) })
  socket.send(JSON.stringify({ type: 'subscribe', id: 'bench', workflowId: product.workflowId, after: null }))
  await new Promise<void>(resolve => {
    socket.on('message', data => {
      const frame = JSON.parse(String(data)) as { type: string, executionId: string, event?: { type: string } }
      if (frame.type === 'subscribed') resolve()
      if (frame.event?.type === 'execution.succeeded') seen.set(frame.executionId, performance.now())
    })
  })
  const posts: Array<Promise<void>> = []
  for (let index = 0; index < count; index++) {
    posts.push(post(product.hook, sent))
    await new Promise(resolve => setTimeout(resolve, 1000 / rate))
  }
  await Promise.all(posts)
  for (const limit = performance.now() + 10_000; seen.size < count && performance.now() < limit;) await new Promise(resolve => setTimeout(resolve, 20))
  socket.close()
  if (seen.size < count) throw new Error(`Only ${seen.size} of ${count} executions were seen to end`)
  const times = [...seen].map(([id, at]) => at - sent.get(id)!)
  return { p50: percentile(times, 50), p99: percentile(times, 99) }
}

async function post (hook: string, sent: Map<string, number>): Promise<void> {
  const began = performance.now()
  const response = await fetch(hook, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY })
  const { executionId } = await response.json() as { executionId: string }
  sent.set(executionId, began)
}

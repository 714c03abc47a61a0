import { Type } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { QuickHistogram, type Series } from '../services/quick-histogram.ts'
import { PUBLIC } from '../schemas/access.ts'
import { PUBLIC_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'

const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Durations by route, and everything that services registered, for Prometheus. */
export const metrics = fp<{ registry: Registry }>(async function metricsPlugin (app, { registry }) {
  const durations = new QuickHistogram({
    name: 'weconnect_http_request_duration_seconds',
    help: 'Time from the request line to the end of the response',
    buckets: DURATION_BUCKETS,
    registry
  })
  /** By method, pattern and status. The pattern, not the path: every path as a label would grow without bound. */
  const series = new Map<string, Map<string, Map<number, Series>>>()

  function seriesOf (method: string, route: string, status: number): Series {
    const statuses = entry(entry(series, method, () => new Map<string, Map<number, Series>>()), route, () => new Map<number, Series>())
    return entry(statuses, status, () => durations.series({ method, route, status }))
  }

  app.addHook('onResponse', (request, reply, done) => {
    seriesOf(request.method, request.routeOptions.url ?? 'none', reply.statusCode).observe(reply.elapsedTime / 1000)
    done()
  })

  app.get('/metrics', {
    config: { access: PUBLIC, quiet: true },
    schema: {
      operationId: 'getMetrics',
      tags: ['Operations'],
      summary: 'Metrics for Prometheus',
      security: PUBLIC_SECURITY,
      response: {
        200: { description: 'The text exposition format', content: { 'text/plain': { schema: Type.String({ examples: ['weconnect_http_request_duration_seconds_count{route="/v1/workflows"} 12'] }) } } },
        ...problemResponses(400)
      }
    }
  }, async (_request, reply) => await reply.type(registry.contentType).send(await registry.metrics()))
}, { name: 'metrics', fastify: '5.x' })

function entry<K, V> (map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, value = make())
  return value
}

import { Type, type Static } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import { PUBLIC } from '../schemas/access.ts'
import { PUBLIC_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'

/** Resolves if the dependency can do its work, rejects if not. */
export type ReadinessCheck = () => Promise<unknown>
export type ReadinessChecks = Readonly<Record<string, ReadinessCheck>>

const CHECK_TIMEOUT = 2000

const Alive = Type.Object({ status: Type.Literal('ok') })
const Readiness = Type.Object({
  status: Type.Unsafe<'ready' | 'unavailable'>({ type: 'string', enum: ['ready', 'unavailable'] }),
  dependencies: Type.Record(Type.String(), Type.Object({
    status: Type.Unsafe<'ok' | 'away'>({ type: 'string', enum: ['ok', 'away'] }),
    milliseconds: Type.Integer({ minimum: 0 })
  }), { examples: [{ database: { status: 'ok', milliseconds: 1 } }] })
}, { $id: 'Readiness' })
type Dependency = Static<typeof Readiness>['dependencies'][string]

/** Whether the process lives, and whether it can do its work. */
export const health = fp<{ checks: ReadinessChecks }>(async function healthPlugin (app, { checks }) {
  app.get('/healthz', {
    config: { access: PUBLIC, quiet: true },
    schema: { operationId: 'getHealth', tags: ['Operations'], summary: 'Whether the process is alive', security: PUBLIC_SECURITY, response: { 200: { description: 'Alive', content: { 'application/json': { schema: Alive } } }, ...problemResponses(400) } }
  }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', {
    config: { access: PUBLIC, quiet: true },
    schema: {
      operationId: 'getReadiness',
      tags: ['Operations'],
      summary: 'Whether it can do its work, each dependency named',
      security: PUBLIC_SECURITY,
      response: {
        ...problemResponses(400),
        200: { description: 'Ready', content: { 'application/json': { schema: Readiness } } },
        503: { description: 'A dependency is away', content: { 'application/json': { schema: Readiness } } }
      }
    }
  }, async (request, reply) => {
    const results = await Promise.all(Object.entries(checks).map(async ([name, check]) => {
      const result = await runCheck(check)
      if (result.error !== undefined) {
        request.log.warn({ dependency: name, err: result.error }, 'A dependency does not answer, so this process is not ready. Check that it runs and can be reached with the configured address.')
      }
      return [name, result.dependency] as const
    }))
    const ready = results.every(([, { status }]) => status === 'ok')
    return await reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'unavailable', dependencies: Object.fromEntries(results) })
  })
}, { name: 'health', fastify: '5.x' })

async function runCheck (check: ReadinessCheck): Promise<{ dependency: Dependency, error?: unknown }> {
  const startedAt = performance.now()
  const elapsed = (): number => Math.round(performance.now() - startedAt)
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`no answer within ${CHECK_TIMEOUT} ms`)) }, CHECK_TIMEOUT)
  })
  try {
    await Promise.race([check(), deadline])
    return { dependency: { status: 'ok', milliseconds: elapsed() } }
  } catch (error) {
    return { dependency: { status: 'away', milliseconds: elapsed() }, error }
  } finally {
    clearTimeout(timer)
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Logger } from 'pino'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Logged at debug level: health checks, and the hot path, where a line a request costs too much. */
    quiet?: boolean
    /** The path itself holds a secret: only its pattern is logged. */
    secretPath?: boolean
  }
}

const MAX_PATH = 300

/** One line a finished request. Never the query, which may hold a ticket or a token. */
export const requestLog = fp(async function requestLogPlugin (app) {
  app.addHook('onResponse', (request, reply, done) => {
    logAnswer(request, reply)
    done()
  })
}, { name: 'request-log', fastify: '5.x' })

function logAnswer (request: FastifyRequest, reply: FastifyReply): void {
  const { config, url: route } = request.routeOptions
  const level = reply.statusCode >= 500 ? 'warn' : config?.quiet === true ? 'debug' : 'info'
  if (!(request.log as Logger).isLevelEnabled(level)) return
  const executionId = reply.getHeader('x-execution-id')
  request.log[level]({
    method: request.method,
    path: config?.secretPath === true ? route : (request.url.split('?', 1)[0] ?? '').slice(0, MAX_PATH),
    route,
    status: reply.statusCode,
    milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    ...(executionId === undefined ? {} : { executionId })
  }, `Answered ${reply.statusCode}`)
}

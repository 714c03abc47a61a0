import fp from 'fastify-plugin'
import { MethodNotAllowed, NotFound } from '../services/problems.ts'
import { sendProblem } from './errors.ts'

interface KnownPath {
  readonly matches: RegExp
  readonly methods: Set<string>
}

/** 404 for unknown paths, 405 with `Allow` for known ones. Register it before the routes. */
export const notFound = fp(async function notFoundPlugin (app) {
  const paths = new Map<string, KnownPath>()

  app.addHook('onRoute', ({ method, url }) => {
    // Of @fastify/cors: it is every path and none.
    if (url === '*') return
    const path = paths.get(url) ?? { matches: pathPattern(url), methods: new Set<string>() }
    for (const name of [method].flat()) path.methods.add(name)
    paths.set(url, path)
  })

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const methods = [...paths.values()].filter(known => known.matches.test(path)).flatMap(known => [...known.methods])
    const problem = methods.length === 0 || methods.includes(request.method)
      ? NotFound('such path')
      : MethodNotAllowed([...new Set(methods)].sort().join(', '))
    sendProblem(problem, request.id, reply)
  })
}, { name: 'not-found', fastify: '5.x' })

function pathPattern (url: string): RegExp {
  const pattern = url.split('/').map(part => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  }).join('/')
  return new RegExp(`^${pattern}$`)
}

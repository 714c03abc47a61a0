import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { appDependencies } from '../../src/runtime/app-dependencies.ts'
import { openDatabase } from '../../src/runtime/open-database.ts'
import { createRuntime } from '../../src/runtime/runtime.ts'

// `*` answers 404; RFC 9116 describes security.txt; the WebSocket is AsyncAPI's to describe.
const UNDOCUMENTED = /^(\/docs|\/openapi\.json|\/asyncapi\.json|\/v1\/tail$|\/\.well-known\/|\*$)/

interface Operation {
  operationId?: string
  summary?: string
  tags?: string[]
  parameters?: Array<{ name: string }>
  security?: object[]
  responses: Record<string, { content?: Record<string, unknown> }>
}

const routes: Array<{ method: string, url: string }> = []
const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
const config = loadConfig({ WECONNECT_DATA_DIR: dataDir }, 'all')
const log = createLog('silent')
const runtime = await createRuntime(config, log, await openDatabase(config, log))
// The application as the process builds it: what is served here is what users get.
const declared: RouteOptions[] = []
const dependencies = appDependencies(runtime)
const app = await buildApp({
  ...dependencies,
  // Before all routes, in the outermost scope: it sees what they declare.
  publicRoutes: [{ prefix: '', routes: fp(async outermost => { outermost.addHook('onRoute', route => { declared.push(route) }) }), forPrograms: true }, ...(dependencies.publicRoutes ?? [])]
})
t.teardown(async () => {
  await app.close()
  await runtime.close(1000)
  await rm(dataDir, { recursive: true, force: true })
})
await app.ready()
// The table that the router itself prints: what is served, whatever was documented.
collect(app.printRoutes({ commonPrefix: false, includeHooks: false }))
const document = (await app.inject('/openapi.json')).json<{ openapi: string, paths: Record<string, Record<string, Operation>>, tags: Array<{ name: string }>, components: { schemas: Record<string, object> } }>()
const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })))

function collect (tree: string): void {
  const stack: string[] = []
  for (const line of tree.split('\n')) {
    const [, indent, rest] = /^((?:[│ ] {3})*)[├└]── (.*)$/u.exec(line) ?? []
    if (indent === undefined || rest === undefined) continue
    const depth = indent.length / 4
    const [, part, methods] = /^(.*?)(?: \(([A-Z, ]+)\))?$/.exec(rest) ?? []
    stack.length = depth
    stack.push(part ?? '')
    for (const method of methods?.split(', ') ?? []) routes.push({ method, url: stack.join('') })
  }
}

t.test('whatever creates or starts something takes an Idempotency-Key', t => {
  // Signing in and up, tickets: each time something new. Answers to waiting executions count once, stopping twice is stopping.
  const others = /^POST \/v1\/(auth\/|tail\/tickets$|executions\/\{id\}\/(cancel$|approvals\/)|resume\/|approvals\/)/
  const creating = operations.filter(({ method, path, operation }) => method === 'POST' && path.startsWith('/v1/') && !others.test(`POST ${path}`) && (operation.responses['201'] ?? operation.responses['202']) !== undefined)
  t.ok(creating.length > 10)
  for (const { path, operation } of creating) t.ok(operation.parameters?.some(({ name }) => name === 'idempotency-key'), path)
  t.end()
})

t.test('every route is in the document', async t => {
  t.ok(routes.length > 30, `${routes.length} routes are served`)
  for (const { method, url } of routes) {
    if (method === 'HEAD' || UNDOCUMENTED.test(url.replace(/(?<=.)\/$/, ''))) continue
    const path = url.replaceAll(/:([A-Za-z]+)/g, '{$1}').replace(/\*$/, '{path}').replace(/(?<=.)\/$/, '')
    t.ok(document.paths[path]?.[method.toLowerCase()]?.operationId, `${method} ${path}`)
  }
})

t.test('every schema compiles: what a start leaves for later is not found out by a client', async t => {
  t.ok(declared.length >= operations.length, `${declared.length} routes`)
  for (const { method, url, schema: described, validatorCompiler = app.validatorCompiler!, serializerCompiler = app.serializerCompiler! } of declared) {
    const schema = described ?? {}
    const route = { schema, method: String(method), url, httpPart: '' }
    for (const httpPart of ['body', 'querystring', 'params', 'headers'] as const) {
      const part = schema[httpPart]
      if (part !== undefined) t.doesNotThrow(() => validatorCompiler({ ...route, schema: part as object, httpPart })({}), `${String(method)} ${url} ${httpPart}`)
    }
    for (const [httpStatus, answer] of Object.entries(schema.response ?? {}) as Array<[string, { content?: Record<string, { schema: object }> }]>) {
      for (const answerSchema of answer.content === undefined ? [answer] : Object.values(answer.content).map(content => content.schema)) {
        // It may ask for properties that are not there; that is no fault of the schema.
        try { serializerCompiler({ ...route, schema: answerSchema, httpStatus })({}) } catch (error) { t.match(String(error), / is required!|does not match schema definition/, `${String(method)} ${url} ${httpStatus}`) }
      }
    }
  }
})

t.test('every operation says what it is, whom it serves and how it fails', async t => {
  t.equal(document.openapi, '3.1.0')
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length, 'operationIds differ')
  const known = new Set(document.tags.map(({ name }) => name))
  for (const { path, method, operation: { operationId, summary, tags, security, responses } } of operations) {
    const name = `${method} ${path}`
    t.ok(operationId !== undefined && summary !== undefined && security !== undefined, name)
    t.ok(tags?.length === 1 && known.has(tags[0]!), `${name} has one of the document's tags`)
    const errors = Object.keys(responses).filter(status => Number(status) >= 400)
    t.ok(errors.includes('500') && errors.includes('503'), `${name} can fail`)
    if (security!.length > 0) t.ok(errors.includes('401'), `${name} asks for credentials`)
    if (/\{/.test(path)) t.ok(errors.includes('422') && errors.includes('404'), `${name} has parameters`)
    if (['POST', 'PUT', 'PATCH'].includes(method) && 'requestBody' in document.paths[path]![method.toLowerCase()]!) {
      for (const status of ['400', '413', '415', '422']) t.ok(errors.includes(status), `${name} has a body: ${status}`)
    }
  }
})

t.test('the document passes the recommended rules of Redocly', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-'))
  t.teardown(async () => { await rm(directory, { recursive: true }) })
  const file = join(directory, 'openapi.json')
  await writeFile(file, JSON.stringify(document))
  const lint = async (path: string) => await promisify(execFile)(process.execPath, [
    resolve('node_modules/@redocly/cli/bin/cli.js'), 'lint', path, '--config', resolve('redocly.yaml'), '--format', 'json'
  ], { env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }, maxBuffer: 64 * 1024 * 1024 })

  const { stdout } = await lint(file)
  t.match(JSON.parse(stdout), { totals: { errors: 0, warnings: 0 } })

  await writeFile(file, JSON.stringify({ ...document, security: [{ nowhere: [] }] }))
  await t.rejects(lint(file), 'a planted fault is found')
})

t.test('the WebSocket is described by AsyncAPI', async t => {
  const asyncApi = (await app.inject('/asyncapi.json')).json<{ channels: { tail: { messages: object } } }>()
  t.match(asyncApi, { asyncapi: '3.0.0', channels: { tail: { address: '/v1/tail' } } })
  t.same(Object.keys(asyncApi.channels.tail.messages), ['subscribe', 'unsubscribe', 'subscribed', 'event', 'error', 'lagged'])
})

'use strict'

const NODE = ['core']
const PACKAGE = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown']

/**
 * Who may import whom. `imports` are places in src beside the layer itself, `types` those of which it may know the types only,
 * `packages` what it may use of npm (null: anything that is declared) and `node` of Node itself (null: anything).
 */
const LAYERS = {
  lib: { files: 'lib/', imports: [], packages: ['undici', 're2js', 'ajv', 'ajv-formats'] },
  // Pure: no clock, no files, no network. `crypto` hashes, `module` loads packages that are not ESM, `stream` takes bytes from one package to another.
  engine: { files: 'engine/', imports: ['lib/'], packages: ['acorn', 'aws4fetch', 'croner', 'luxon', '@types/luxon', 're2js', '@sinclair/typebox', 'htmlparser2', 'css-select', 'dom-serializer', 'domhandler', 'saxes', 'markdown-it', 'csv-parse', 'csv-stringify', 'yauzl', '@types/yauzl', 'yazl', '@types/yazl', 'content-disposition', '@types/content-disposition'], node: ['crypto', 'module', 'stream'] },
  db: { files: 'db/', imports: ['lib/'], types: ['engine/'], packages: ['drizzle-orm', 'postgres', '@electric-sql/pglite'] },
  // `child/` is other programs: of them only the form of messages is shared.
  sandbox: {
    files: 'sandbox/',
    imports: ['lib/', 'engine/node-error\\.ts$'],
    types: ['engine/'],
    packages: ['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync', 'pino']
  },
  // Drivers of protocols other than HTTP, for steps.
  connectors: { files: 'connectors/', imports: ['engine/', 'lib/'], packages: ['postgres', 'mysql2', 'ioredis', 'nodemailer'] },
  storage: { files: 'storage/', imports: ['lib/'], packages: ['aws4fetch', 'undici'] },
  queue: { files: 'queue/', imports: ['lib/'], packages: ['bullmq', 'ioredis', 'pino'] },
  config: { files: 'config(/|\\.ts$)', imports: ['lib/'], types: ['db/client\\.ts$', 'queue/redis\\.ts$', 'storage/index\\.ts$'], packages: ['@sinclair/typebox'] },
  services: {
    files: 'services/',
    imports: ['engine/', 'db/', 'lib/', 'queue/(port|hint-bus)\\.ts$', 'storage/port\\.ts$'],
    packages: ['@sinclair/typebox', '@fastify/busboy', '@node-rs/argon2', 'cockatiel', 'jose', 'oauth4webapi', 'openid-client', 'pino', 'prom-client']
  },
  // The catalogue of problems, and the lists of roles and permissions are part of what clients see.
  schemas: {
    files: 'schemas/',
    imports: ['engine/(definition|workflow-input|events)\\.ts$', 'lib/', 'services/problems\\.ts$', 'services/identity/(roles|permissions)\\.ts$'],
    packages: ['@sinclair/typebox']
  },
  plugins: { files: 'plugins/', imports: ['services/', 'schemas/', 'db/', 'queue/', 'config(/|\\.ts$)', 'lib/'], packages: null },
  // Not the database: a route has `request.db`, whose reach ends at its organization.
  routes: {
    files: 'routes/',
    imports: ['schemas/', 'services/', 'lib/', 'engine/(definition|workflow-input|events|credentials/index)\\.ts$'],
    types: ['engine/', 'db/'],
    packages: ['fastify', 'fastify-plugin', '@fastify/type-provider-typebox', '@fastify/websocket', '@sinclair/typebox', 'ws', '@types/ws', 'content-disposition', '@types/content-disposition']
  },
  // A client of the HTTP API like any other.
  cli: { files: 'cli/', imports: ['lib/'], packages: ['ws', '@types/ws', 'undici'] },
  demo: {
    files: 'demo/',
    imports: ['cli/', 'runtime/', 'app\\.ts$', 'config(/|\\.ts$)', 'log\\.ts$', 'lib/', 'services/identity/first-start\\.ts$'],
    packages: ['@octokit/webhooks-examples', 'ws', '@types/ws']
  },
  app: { files: 'app\\.ts$', imports: ['plugins/', 'routes/', 'schemas/', 'services/', 'config(/|\\.ts$)', 'lib/', 'secrets\\.ts$'], types: ['db/'], packages: null },
  runtime: {
    files: 'runtime/',
    imports: ['app\\.ts$', 'connectors/', 'plugins/', 'routes/', 'schemas/', 'services/', 'engine/', 'sandbox/', 'db/', 'queue/', 'storage/', 'config(/|\\.ts$)', 'lib/', 'log\\.ts$', 'secrets\\.ts$'],
    packages: null
  },
  log: { files: 'log\\.ts$', imports: ['lib/'], types: ['config/'], packages: ['pino'] },
  secrets: { files: 'secrets\\.ts$', imports: ['lib/', 'config/secret-strength\\.ts$'], types: ['config\\.ts$'], packages: ['@sinclair/typebox'] }
}

const ENTRYPOINTS = '(main|server|worker|migrate|keys|quotas)\\.ts$'
// What nobody imports: processes, a thread, what the build calls, what QuickJS reads, and a hook of Node's module loader.
const ROOTS = `^src/(${ENTRYPOINTS}|cli/main\\.ts$|demo/main\\.ts$|db/embedded/(worker|build-seed)\\.ts$|sandbox/child/(main|guest|guest-dates)\\.js$|runtime/node-packages/interface-hook\\.js$)`

const escape = name => name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
const inSource = places => places.map(place => `^src/${place}`)

function rulesOf ([layer, { files, imports, types = [], packages, node = null }]) {
  const from = { path: `^src/${files}` }
  const rule = (what, to) => ({ name: `${layer}-${what}`, severity: 'error', from, to })
  return [
    rule('imports', { path: '^src/', pathNot: [from.path, ...inSource(imports), ...inSource(types)] }),
    ...(types.length === 0 ? [] : [rule('types-only', { path: inSource(types), pathNot: [from.path, ...inSource(imports)], dependencyTypesNot: ['type-only'] })]),
    ...(packages === null ? [] : [rule('packages', { dependencyTypes: PACKAGE, pathNot: packages.map(name => `node_modules/${escape(name)}/`) })]),
    ...(node === null ? [] : [rule('node', { dependencyTypes: NODE, pathNot: `^(node:)?(${node.join('|')})$` })])
  ]
}

module.exports = {
  forbidden: [
    ...Object.entries(LAYERS).flatMap(rulesOf),
    { name: 'nobody-imports-entrypoints', severity: 'error', from: { path: '^src/' }, to: { path: `^src/${ENTRYPOINTS}` } },
    { name: 'every-file-has-a-layer', severity: 'error', from: { path: '^src/', pathNot: [`^src/${ENTRYPOINTS}`, ...inSource(Object.values(LAYERS).map(({ files }) => files))] }, to: {} },
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-orphans', severity: 'error', from: { path: ROOTS }, to: { path: '^src/', pathNot: ROOTS, reachable: false } },
    { name: 'no-undeclared-packages', severity: 'error', from: { path: '^src/' }, to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] } },
    // What is only installed for development may be imported for its types.
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/demo/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] }
    },
    { name: 'no-unresolved', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], mainFields: ['module', 'main', 'types'] }
  }
}

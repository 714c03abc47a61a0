import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { DURATION_PATTERN } from '../lib/duration.ts'

const duration = (fallback: string, description: string) =>
  Type.String({ pattern: DURATION_PATTERN, default: fallback, description, fix: 'a duration such as "30s", "15m", "24h" or "30d"' })
const count = (fallback: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description, fix: `a whole number from ${minimum} to ${maximum}` })
const text = (description: string, fix = 'some text') => Type.Optional(Type.String({ minLength: 1, description, fix }))
const port = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description, fix: 'a port from 1 to 65535' }))

/** Every variable that WeConnect reads: its type, its default, what it is for, and what to write when it is wrong. */
export const Environment = Type.Object({
  PORT: count(3000, 0, 65_535, 'Port of the HTTP server'),
  HOST: Type.String({ minLength: 1, default: '127.0.0.1', description: 'Address that the HTTP server listens on', fix: 'an address such as 0.0.0.0' }),
  DATABASE_URL: text('PostgreSQL; without it and `DB_HOST` the embedded database is used', 'postgres://user:password@host:5432/database'),
  DB_HOST: text('PostgreSQL by its parts: host, or the directory of its socket', 'a host name'),
  DB_PORT: port('PostgreSQL by its parts: port (5432)'),
  DB_USERNAME: text('PostgreSQL by its parts: user (`postgres`)'),
  DB_PASSWORD: text('PostgreSQL by its parts: password'),
  DB_DATABASE: text('PostgreSQL by its parts: database (`weconnect`)'),
  WECONNECT_DATABASE_POOL: count(6, 2, 100, 'Connections of the service pool to PostgreSQL, in each process'),
  REDIS_URL: text('Redis; needed where API and worker are separate processes', 'redis://host:6379'),
  REDIS_HOST: text('Redis by its parts: host', 'a host name'),
  REDIS_PORT: port('Redis by its parts: port (6379)'),
  REDIS_PASSWORD: text('Redis by its parts: password'),
  JWT_SECRET: text('Signs access tokens, 32 bytes or more; required outside the embedded default', 'the output of: openssl rand -base64 48'),
  WECONNECT_JWT_PREVIOUS_SECRETS: text('Secrets that signed access tokens before, separated by commas: those tokens stay valid until they expire', 'values that JWT_SECRET had'),
  JWT_EXPIRES_IN: duration('15m', 'Life of an access token'),
  WECONNECT_REFRESH_EXPIRES_IN: duration('30d', 'Life of a session that is not used'),
  WECONNECT_ENCRYPTION_KEY: text('Seals stored credentials: 32 bytes in base64; required outside the embedded default', 'the output of: openssl rand -base64 32'),
  WECONNECT_PREVIOUS_ENCRYPTION_KEYS: text('Keys that sealed what is stored, and seal no more, separated by commas', 'keys of 32 bytes in base64, separated by commas'),
  WECONNECT_ENCRYPTION_KEY_FILE: text('In the place of both: a file with a key a line, of which the first seals', 'a file'),
  WECONNECT_VAULT_ADDRESS: text('HashiCorp Vault, whose transit engine then wraps the keys of what is sealed', 'an address such as https://vault.example.org:8200'),
  WECONNECT_VAULT_TOKEN: text('A token that may encrypt and decrypt with the key; required with the address'),
  WECONNECT_VAULT_KEY: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,128}$', default: 'weconnect', description: 'Name of the key in the transit engine', fix: 'the name of a key' }),
  WECONNECT_VAULT_MOUNT: Type.String({ pattern: '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$', default: 'transit', description: 'Path of the transit engine', fix: 'a path such as transit' }),
  WECONNECT_SECRETS_VAULT_ADDRESS: text('HashiCorp Vault, out of whose key-value engine (version 2) credentials can take their values', 'an address such as https://vault.example.org:8200'),
  WECONNECT_SECRETS_VAULT_TOKEN: text('A token that may read there; this or a file of it is required with the address'),
  WECONNECT_SECRETS_VAULT_TOKEN_FILE: text('A file with that token, read anew for each secret: what the agent of Vault writes', 'a file'),
  WECONNECT_SECRETS_VAULT_NAMESPACE: text('Namespace in it', 'a path such as teams/automation'),
  WECONNECT_SECRETS_VAULT_MOUNT: Type.String({ pattern: '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$', default: 'secret', description: 'Path of the key-value engine', fix: 'a path such as secret' }),
  WECONNECT_SECRETS_VAULT_PATH: Type.String({ pattern: '^([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*[{]organizationId[}](/[A-Za-z0-9_.-]+)*$', default: 'weconnect/{organizationId}', description: 'Where in the engine the secrets of an organization are; `{organizationId}` stands for its id', fix: 'a path such as weconnect/{organizationId}' }),
  WECONNECT_OWNER_EMAIL: text('With the password: creates the owner on an empty database', 'an email address'),
  WECONNECT_OWNER_PASSWORD: text('Password of that owner, 12 characters or more', 'a password of 12 characters or more'),
  WECONNECT_SMTP_URL: text('Mail server for invitations and password resets; without it tokens are shown once to who invites, and nobody can reset a password', 'a URL such as smtp://user:password@mail.example.org:587'),
  WECONNECT_MAIL_FROM: text('Sender of that mail', 'an address such as WeConnect <weconnect@example.org>'),
  WECONNECT_DATA_DIR: Type.String({ minLength: 1, default: '.weconnect', description: 'Where the embedded default keeps its data, secrets and API key', fix: 'a directory' }),
  WECONNECT_STORAGE: Type.Unsafe<'local' | 's3'>({ type: 'string', pattern: '^(local|s3)$', default: 'local', description: 'Where files are kept: `local`, a directory that all processes share, or `s3`, a bucket', fix: 'local or s3' }),
  WECONNECT_STORAGE_DIR: text('The directory of `local` (`files` in `WECONNECT_DATA_DIR`)', 'a directory'),
  WECONNECT_S3_ENDPOINT: text('Address of the S3-compatible store (that of AWS in the region)', 'an address such as https://s3.example.org'),
  WECONNECT_S3_BUCKET: text('Its bucket; required for `s3`', 'the name of a bucket'),
  WECONNECT_S3_REGION: Type.String({ pattern: '^[a-z0-9-]{1,64}$', default: 'us-east-1', description: 'Its region', fix: 'a region such as eu-central-1' }),
  WECONNECT_S3_ACCESS_KEY_ID: text('Key id for the store; required for `s3`'),
  WECONNECT_S3_SECRET_ACCESS_KEY: text('Secret of that key'),
  WECONNECT_S3_PATH_STYLE: Type.Boolean({ default: true, description: 'The bucket is in the path of its URLs, not in their host', fix: 'true or false' }),
  WECONNECT_LARGE_VALUE_SIZE: count(262_144, 4096, 16_777_216, 'Characters of JSON from which on a payload or an output of a step is kept as a file'),
  WECONNECT_MAX_FILE_SIZE: count(104_857_600, 1024, 5_368_709_120, 'Bytes of a file that a step makes'),
  WECONNECT_FILES_ROOT: text('The directory that `readWriteFile` works in; `{organization}` in it stands for the id of the organization. Without, the node refuses', 'a directory, such as /srv/weconnect/{organization}'),
  WECONNECT_PUBLIC_URL: text('Address under which clients reach the service, for the URLs that it shows', 'an address such as https://automation.example.org'),
  WECONNECT_CORS_ORIGINS: text('Origins whose pages may call the API from a browser and get the code of a single sign-on, separated by commas', 'a list such as https://app.example.org'),
  WECONNECT_SECURITY_CONTACT: text('Where to report a vulnerability of this installation, for /.well-known/security.txt', 'a URI such as mailto:security@example.org'),
  WECONNECT_TRUST_PROXY: Type.String({ default: 'false', pattern: '^(true|false|[0-9]{1,2}|[0-9A-Fa-f:.,/\\s]+)$', description: 'Whose `X-Forwarded-For` is believed: `true` or a number of proxies in front of the service, or the networks that these are in, CIDR separated by commas; only proxies that set or extend it', fix: 'true, false, a number of proxies, or a list such as 10.0.0.0/8,192.0.2.7' }),
  WECONNECT_EGRESS_ALLOW: text('Private networks that workflows may call, CIDR separated by commas', 'a list such as 10.0.0.0/8,127.0.0.1/32'),
  WECONNECT_EGRESS_PROXY: text('Proxy through which workflows reach others; names are resolved here', 'a URL such as http://proxy.internal:3128'),
  WECONNECT_CIRCUIT_FAILURES: count(10, 0, 10_000, 'Failures in a row after which a destination is not called for a while; 0 is never'),
  WECONNECT_CIRCUIT_PAUSE: duration('30s', 'How long it is not called, before one call tries it again'),
  WECONNECT_NODE_PACKAGES: text('Packages of node types that organizations may enable: names of installed ones or paths, separated by commas', 'a list such as acme-nodes,./my-nodes'),
  WECONNECT_MAX_BODY_SIZE: count(16_777_216, 1024, 268_435_456, 'Bytes of a webhook or workflow body'),
  WECONNECT_MAX_BATCH_SIZE: count(67_108_864, 1024, 1_073_741_824, 'Bytes of a whole batch of webhook requests, decompressed; a line of it may be as large as a body'),
  WECONNECT_RATE_LIMIT: count(0, 0, 1_000_000, 'Requests a minute for one credential on /v1; 0 is without limit'),
  WECONNECT_HOOK_RATE_LIMIT: count(0, 0, 100_000_000, 'Requests a minute of one organization on /hooks; 0 is without limit'),
  WECONNECT_RETENTION_DAYS: count(30, 1, 3650, 'Days that finished executions are kept'),
  WECONNECT_WORKER_CONCURRENCY: count(10, 1, 1000, 'Batches that a worker takes from the queue at once'),
  WECONNECT_WORKER_PORT: count(0, 0, 65_535, 'Where a separate worker answers /healthz, /readyz and /metrics; 0 is nowhere'),
  WECONNECT_EXECUTION_SLOTS: count(200, 1, 100_000, 'Running executions that a worker holds'),
  WECONNECT_CODE_PROCESSES: count(4, 1, 256, 'Processes at most that run the code of code nodes, in each process that runs executions; one organization uses half of them'),
  WECONNECT_CODE_MEMORY: count(32, 16, 1024, 'Megabytes that the code of one code node may use'),
  WECONNECT_LEASE_SECONDS: count(10, 2, 600, 'Seconds after which the executions of a silent worker are taken over'),
  QUEUE_PREFIX: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', default: 'weconnect', description: 'Prefix of the queue\'s keys in Redis', fix: 'up to 64 letters, digits, - or _' }),
  QUEUE_ATTEMPTS: count(3, 1, 100, 'Attempts of a queue job'),
  QUEUE_BACKOFF_DELAY: duration('2s', 'Delay before a queue job\'s second attempt; it doubles after that'),
  QUEUE_REMOVE_ON_COMPLETE_AGE: count(3600, 0, 31_536_000, 'Seconds that completed queue jobs are kept'),
  QUEUE_REMOVE_ON_COMPLETE_COUNT: count(100, 0, 1_000_000, 'Completed queue jobs that are kept'),
  QUEUE_REMOVE_ON_FAIL_AGE: count(86_400, 0, 31_536_000, 'Seconds that failed queue jobs are kept'),
  QUEUE_REMOVE_ON_FAIL_COUNT: count(500, 0, 1_000_000, 'Failed queue jobs that are kept'),
  LOG_LEVEL: Type.Unsafe<LogLevel>({ type: 'string', pattern: '^(trace|debug|info|warn|error|fatal|silent)$', default: 'info', description: 'Least level that is logged', fix: 'one of trace, debug, info, warn, error, fatal, silent' })
})

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
export type Environment = Static<typeof Environment>

export interface Variable {
  readonly name: string
  readonly default: string | null
  readonly description: string
  readonly fix: string
}

/** The table of variables, as the README shows it. */
export const VARIABLES: readonly Variable[] = Object.entries(Environment.properties).map(([name, schema]: [string, TSchema]) => ({
  name,
  default: schema['default'] === undefined ? null : String(schema['default']),
  description: String(schema['description']),
  fix: String(schema['fix'])
}))

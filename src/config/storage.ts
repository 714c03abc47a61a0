import { join } from 'node:path'
import type { StorageAddress } from '../storage/index.ts'
import type { ConfigFault } from './read-environment.ts'
import type { Environment } from './variables.ts'

const REQUIRED = ['WECONNECT_S3_BUCKET', 'WECONNECT_S3_ACCESS_KEY_ID', 'WECONNECT_S3_SECRET_ACCESS_KEY'] as const
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

export function storageFaults (env: Environment): ConfigFault[] {
  if (env.WECONNECT_STORAGE !== 's3') return []
  const missing = REQUIRED.filter(name => env[name] === undefined)
    .map(variable => ({ variable, problem: 'is not set, while WECONNECT_STORAGE is s3', fix: 'set it, or leave WECONNECT_STORAGE out' }))
  const { WECONNECT_S3_BUCKET: bucket, WECONNECT_S3_ENDPOINT: endpoint } = env
  return [
    ...missing,
    ...(bucket === undefined || BUCKET.test(bucket) ? [] : [{ variable: 'WECONNECT_S3_BUCKET', problem: 'is not the name of a bucket', fix: 'set it to 3 to 63 lower-case letters, digits, dots or dashes' }]),
    ...(endpoint === undefined || isOrigin(endpoint) ? [] : [{ variable: 'WECONNECT_S3_ENDPOINT', problem: 'is not an http or https address without a path', fix: 'set it to an address such as https://s3.example.org' }])
  ]
}

/** Of an environment without `storageFaults`. */
export function storageAddress (env: Environment): StorageAddress {
  if (env.WECONNECT_STORAGE === 'local') return { kind: 'local', directory: env.WECONNECT_STORAGE_DIR ?? join(env.WECONNECT_DATA_DIR, 'files') }
  return {
    kind: 's3',
    endpoint: env.WECONNECT_S3_ENDPOINT ?? `https://s3.${env.WECONNECT_S3_REGION}.amazonaws.com`,
    bucket: env.WECONNECT_S3_BUCKET ?? '',
    region: env.WECONNECT_S3_REGION,
    accessKeyId: env.WECONNECT_S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.WECONNECT_S3_SECRET_ACCESS_KEY ?? '',
    pathStyle: env.WECONNECT_S3_PATH_STYLE
  }
}

function isOrigin (text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, pathname, search, username } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && pathname === '/' && search === '' && username === ''
}

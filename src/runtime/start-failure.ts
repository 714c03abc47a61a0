import { resolve, sep } from 'node:path'
import type { Config } from '../config.ts'
import { DataDirectoryLocked } from '../db/embedded/index.ts'
import { isConnectionFailure } from '../db/failure.ts'

const DIRECTORY_CODES = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC', 'EDQUOT'])

interface SystemError { readonly code?: unknown, readonly syscall?: unknown, readonly path?: unknown, readonly port?: unknown, readonly cause?: unknown, readonly message?: unknown }

/** What kept the process from starting and what its operator can do, where that is known. Without secrets. */
export function startFailure (error: unknown, config: Config): string | undefined {
  if (error instanceof DataDirectoryLocked) return error.message
  const origin = originOf(error)
  const { code, syscall, port } = origin
  if (syscall === 'listen' && typeof port === 'number' && port > 0) return listening(code, config)
  if (syscall === 'getaddrinfo' && (origin as { hostname?: unknown }).hostname === config.server.host) return noAddress(config)
  if (DIRECTORY_CODES.has(String(code))) return directory(origin, config)
  return config.database === null ? undefined : database(origin, error)
}

/** The error that the others wrap. */
function originOf (error: unknown): SystemError {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  return typeof at === 'object' && at !== null ? at : {}
}

function listening (code: unknown, { mode, server, worker }: Config): string | undefined {
  const [variable, port] = mode === 'worker' ? ['WECONNECT_WORKER_PORT', worker.port] : ['PORT', server.port]
  switch (code) {
    case 'EADDRINUSE': return `Port ${port} of ${server.host} is in use by another process: stop that one, or set ${variable} to another port`
    case 'EACCES': return `This user may not listen on port ${port}: set ${variable} to a port from 1024 on`
    case 'EADDRNOTAVAIL': return noAddress({ server })
    default: return undefined
  }
}

function noAddress ({ server: { host } }: Pick<Config, 'server'>): string {
  return `${host} is no address of this machine: set HOST to one that is, such as 127.0.0.1 or 0.0.0.0`
}

function directory ({ code, path, message }: SystemError, { database, dataDir, storage }: Config): string | undefined {
  const isOfDatabase = database === null && (typeof path !== 'string' || isOnTheWayTo(path, dataDir))
  if (!isOfDatabase && storage.kind !== 'local') return undefined
  const [what, where, variable] = isOfDatabase || storage.kind !== 'local' ? ['data directory', dataDir, 'WECONNECT_DATA_DIR'] : ['directory of files', storage.directory, 'WECONNECT_STORAGE_DIR']
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return `The ${what} ${resolve(where)} ${full ? 'is on a disk that is full' : 'cannot be written'} (${String(message)}): ${full ? 'make room' : 'let this user write there'}, or set ${variable} to another directory`
}

function isOnTheWayTo (path: string, directory: string): boolean {
  const [given, root] = [resolve(path) + sep, resolve(directory) + sep]
  return given.startsWith(root) || root.startsWith(given)
}

function database ({ code, message }: SystemError, error: unknown): string | undefined {
  const says = String(message)
  switch (code) {
    case '42501': return `PostgreSQL refuses (${says}): the user of DATABASE_URL must own the database and be allowed to create roles; or let an administrator create the roles weconnect_none, weconnect_tenant and weconnect_service and grant them to it`
    case '3D000': return `PostgreSQL refuses (${says}): create it, or name another in DATABASE_URL`
    case '28000': case '28P01': return `PostgreSQL refuses (${says}): set DATABASE_URL to a user that may connect, and its password`
    default: return isConnectionFailure(error) ? `PostgreSQL cannot be reached (${says}): start it, or set DATABASE_URL to where it is` : undefined
  }
}

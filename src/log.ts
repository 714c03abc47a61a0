import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import type { LogLevel } from './config/variables.ts'

const SECRET_NAMES = [
  'authorization', 'cookie', 'password', 'currentPassword', 'newPassword', 'accessToken', 'refreshToken', 'token', 'ticket', 'secret', 'apiKey',
  'jwtSecret', 'previousJwtSecrets', 'mail', 'encryptionKey', '["x-api-key"]', '["set-cookie"]', '["proxy-authorization"]'
]
const PLACES = ['', 'headers', 'body', 'query', 'req.headers', 'config', '*']
const MAX_CAUSES = 4

/** Lines of JSON on standard output. What could open a door is replaced before it is written. */
export function createLog (level: LogLevel, destination?: DestinationStream): Logger {
  return pino({
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: PLACES.flatMap(place => SECRET_NAMES.map(name => join(place, name))), censor: '[redacted]' }
  }, destination ?? pino.destination({ fd: 1, sync: false }))
}

function join (place: string, name: string): string {
  if (place === '' || name.startsWith('[')) return `${place}${name}`
  return `${place}.${name}`
}

/**
 * An error without the values that were in its query: drivers attach parameters to errors, and among those are password hashes and customers' data.
 */
export function describeError (error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const { code, cause } = error as Error & { code?: unknown }
  const frames = error.stack?.slice(error.stack.search(/\n {4}at /))
  return {
    type: error.name,
    message: error.message.split('\nparams:')[0],
    ...(code === undefined ? {} : { code }),
    ...(frames === undefined ? {} : { stack: frames.trim() }),
    ...(cause === undefined || depth === MAX_CAUSES ? {} : { cause: describeError(cause, depth + 1) })
  }
}

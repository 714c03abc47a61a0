import { AbstractConnector, Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import { connect as openTls } from 'node:tls'
import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import type { Credential } from '../engine/credentials/index.ts'
import { NodeError } from '../engine/node-error.ts'
import type { Limits } from '../engine/nodes/connect.ts'
import type { GuardedConnect } from '../lib/guarded-socket.ts'
import { codeOf, connectionError, endpointOf, openEndpoint } from './endpoint.ts'
import { toJsonValue } from './json-value.ts'
import { within } from './within.ts'

export interface RedisPool {
  command (name: string, args: readonly string[], limits: Limits): Promise<unknown>
  close (): Promise<void>
}

const DEFAULT_PORT = 6379
const RECONNECT_LIMIT = 1000

export async function openRedis (credential: Credential, connect: GuardedConnect): Promise<RedisPool> {
  const endpoint = endpointOf(credential, DEFAULT_PORT)
  const { host, username, password, tls } = endpoint
  let refusal: unknown

  class GuardedConnector extends AbstractConnector {
    constructor () { super(RECONNECT_LIMIT) }

    override async connect (): Promise<Socket> {
      try {
        const socket = await openEndpoint(connect, credential, endpoint)
        refusal = undefined
        this.stream = tls === 'off' ? socket : openTls({ socket, ...(isIP(host) === 0 && { servername: host }), rejectUnauthorized: tls === 'verified' })
        return this.stream as Socket
      } catch (error) {
        refusal = error
        throw error
      }
    }
  }

  const client = new Redis({
    Connector: GuardedConnector as unknown as NonNullable<RedisOptions['Connector']>,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db: typeof credential.data['database'] === 'number' ? credential.data['database'] : 0,
    connectionName: 'weconnect-workflow',
    // A command whose answer was lost may have been done; nobody but the workflow may decide to send it again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: attempts => Math.min(attempts * 100, RECONNECT_LIMIT),
    enableReadyCheck: false
  })
  // What goes wrong is told to the commands that it happens to.
  client.on('error', () => {})

  return {
    async command (name, args, limits) {
      try {
        return toJsonValue(await within(limits, () => {}, async () => await client.call(name, ...args)))
      } catch (error) {
        throw toNodeError(error, refusal, host)
      }
    },
    close: async () => { client.disconnect() }
  }
}

function toNodeError (error: unknown, refusal: unknown, host: string): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error
  if (error.name === 'ReplyError') {
    const kind = /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR'
    return new NodeError('WC_REDIS', error.message.slice(0, 300), { retryable: ['LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN', 'MASTERDOWN'].includes(kind), data: { kind } })
  }
  if (refusal !== undefined) return refusal
  return connectionError(codeOf(error) === '' ? Object.assign(error, { code: 'ECONNRESET' }) : error, host, 'WC_CONNECTION_LOST')
}

import type { Credential } from '../engine/credentials/index.ts'
import type { Connect, Limits } from '../engine/nodes/connect.ts'
import { createGuardedConnect, type GuardedSocketsOptions } from '../lib/guarded-socket.ts'
import { createPools } from './pools.ts'

export interface Connectors extends Connect {
  /** Connects and logs in, for credentials whose type has a protocol of its own. */
  readonly attempts: ReadonlyMap<string, (credential: Credential, limits: Limits) => Promise<void>>
  close (): Promise<void>
}

/** Drivers are loaded when the first step needs them: they cost a start nothing. */
export function createConnectors (options: GuardedSocketsOptions): Connectors {
  const connect = createGuardedConnect(options)
  const sqlPools = createPools(async credential => credential.type === 'mysql'
    ? await (await import('./mysql.ts')).openMysql(credential, connect)
    : await (await import('./postgres.ts')).openPostgres(credential, connect))
  const redisPools = createPools(async credential => await (await import('./redis.ts')).openRedis(credential, connect))

  const query: Connect['query'] = async (credential, request, limits) => await sqlPools.use(credential, async pool => await pool.query(request, limits))
  const redis: Connect['redis'] = async (credential, command, args, limits) => await redisPools.use(credential, async pool => await pool.command(command, args, limits))
  const trySql = async (credential: Credential, limits: Limits): Promise<void> => { await query(credential, { text: 'select 1', values: [], readOnly: true, maxRows: 1 }, limits) }

  return {
    query,
    redis,
    mail: async (credential, mail, limits) => await (await import('./mail.ts')).sendMail(connect, credential, mail, limits),
    attempts: new Map([
      ['postgres', trySql],
      ['mysql', trySql],
      ['redis', async (credential: Credential, limits: Limits) => { await redis(credential, 'ping', [], limits) }],
      ['smtp', async (credential: Credential, limits: Limits) => { await (await import('./mail.ts')).tryMail(connect, credential, limits) }]
    ]),
    async close () {
      await Promise.all([sqlPools.close(), redisPools.close()])
    }
  }
}

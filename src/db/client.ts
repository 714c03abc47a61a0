import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { sql as drizzleSql } from 'drizzle-orm'
import postgres from 'postgres'
import { NIL_ID } from '../lib/ids.ts'
import { isTransient } from './failure.ts'
import * as schema from './schema/index.ts'

export type Sql = postgres.Sql
export type Schema = typeof schema
export type Drizzle = PostgresJsDatabase<Schema>
/** What query functions take: a transaction that is bound to one organization, or the service's own handle. */
export type Executor = Pick<Drizzle, 'select' | 'selectDistinct' | 'insert' | 'update' | 'delete' | 'execute' | 'query' | 'with' | '$with'>

/** The only way in which routes reach tables: rows of other organizations do not exist in it. */
export interface TenantDb {
  readonly organizationId: string
  /** One transaction. It is run again where a deadlock undid it, so `work` does nothing but what the transaction does. */
  run<T> (work: (tx: Executor) => Promise<T>): Promise<T>
}

/** Of what an organization has, the resources of one kind that a request sees. */
export interface Confinement {
  readonly kind: 'workflow' | 'credential'
  readonly ids: readonly string[]
}

export interface DatabaseAddress {
  readonly host?: string
  readonly port?: number
  /** A unix socket. */
  readonly path?: string
  readonly username: string
  readonly password?: string
  readonly database: string
  readonly ssl?: boolean | 'require' | 'prefer' | 'verify-full'
}

export interface DatabaseOptions {
  readonly address: DatabaseAddress
  /** Whether the database runs inside this process. */
  readonly embedded: boolean
  readonly poolSize: number
  readonly onNotice?: (message: string) => void
}

export interface Database {
  readonly embedded: boolean
  /** Raw SQL of ingestion and workers, role weconnect_service. */
  readonly service: Sql
  /** Drizzle with the service role, for identity, which comes before any organization is known. */
  readonly identity: Drizzle
  /** @param granted where given, nothing of that kind exists in it but these: `weconnect_granted` of the schema */
  tenant (organizationId: string, granted?: Confinement): TenantDb
  /** A connection of the tables' owner, for migrations and partitions; the caller ends it. */
  owner (): Sql
  close (): Promise<void>
}

const CLOSE_TIMEOUT_SECONDS = 5
const TRANSACTION_ATTEMPTS = 4

export function createDatabase ({ address, embedded, poolSize, onNotice }: DatabaseOptions): Database {
  function connect (role: string | undefined, max: number): Sql {
    return postgres({
      ...definedOnly(address),
      max,
      connect_timeout: 5,
      idle_timeout: 0,
      // Steady recycling would cut statements in two for nothing: connections are replaced when they fail.
      max_lifetime: null,
      // Array types would be asked for at each connect, and when that query dies with its connection nobody handles it.
      fetch_types: false,
      backoff: (attempt: number) => Math.min(1, 0.05 * 2 ** attempt),
      onnotice: (notice: Record<string, unknown>) => onNotice?.(String(notice['message'])),
      connection: {
        application_name: 'weconnect',
        ...(role === undefined ? {} : { role })
      }
    } as unknown as postgres.Options<Record<string, never>>)
  }

  const service = connect('weconnect_service', poolSize)
  // drizzle changes the parsers of its client, so raw SQL has one of its own.
  const identityClient = connect('weconnect_service', 2)
  const tenantClient = connect('weconnect_none', Math.max(2, Math.ceil(poolSize / 2)))
  const identity = drizzle(identityClient, { schema })
  const tenants = drizzle(tenantClient, { schema })

  return {
    embedded,
    service,
    identity,
    tenant: (organizationId, granted) => ({
      organizationId,
      run: async work => await unlessTransient(async () => await tenants.transaction(async tx => {
        await tx.execute(drizzleSql`select set_config('role', 'weconnect_tenant', true), set_config('weconnect.organization_id', ${organizationId}, true)`)
        // Ids only: an empty list would be none at all, and stand for no confinement.
        if (granted !== undefined) await tx.execute(drizzleSql`select set_config(${`weconnect.granted_${granted.kind}`}, ${granted.ids.join(',') || NIL_ID}, true)`)
        return await work(tx as unknown as Executor)
      }))
    }),
    owner: () => connect(undefined, 1),
    async close () {
      await Promise.all([service, identityClient, tenantClient].map(client => client.end({ timeout: CLOSE_TIMEOUT_SECONDS })))
    }
  }
}

/** PostgreSQL ends one of those that wait for each other; what the survivor did decides how its second attempt ends. */
async function unlessTransient<T> (transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction()
    } catch (error) {
      if (!isTransient(error) || attempt === TRANSACTION_ATTEMPTS) throw error
    }
  }
}

function definedOnly<T extends object> (value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Partial<T>
}

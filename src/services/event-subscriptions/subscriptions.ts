import type { TenantDb } from '../../db/client.ts'
import { listEventDeliveries, replayEventDelivery, type EventDeliveryRow } from '../../db/queries/event-deliveries.ts'
import {
  deleteSubscription, findSubscription, insertSubscription, listSubscriptions, replaceSecret, updateSubscription, type SealedSubscription, type SubscriptionContent, type SubscriptionFields
} from '../../db/queries/event-subscriptions.ts'
import { SecretBoxError } from '../../lib/secret-box.ts'
import type { Vault } from '../credentials/vault.ts'
import { Conflict, CredentialUnreadable, InvalidInput, NotFound } from '../problems.ts'
import { auditEntry, type Caller } from '../workflows/dependencies.ts'
import { openSecrets, sealSecrets } from './secrets.ts'
import { newSecret } from './signature.ts'

export interface SubscriptionView extends Omit<SubscriptionFields, 'version'> {
  readonly enabled: boolean
}

/** With the secret, which is shown this once. */
export type SubscriptionWithSecret = SubscriptionView & { readonly secret: string }

export interface NewSubscription {
  readonly url: string
  readonly events: readonly string[]
  readonly workflowIds?: readonly string[] | null
  readonly description?: string | null
}

export interface SubscriptionChange extends Partial<NewSubscription> {
  readonly enabled?: boolean
}

export interface EventSubscriptions {
  create (caller: Caller, subscription: NewSubscription): Promise<SubscriptionWithSecret>
  list (db: TenantDb, limit: number, before?: string): Promise<SubscriptionView[]>
  get (db: TenantDb, id: string): Promise<SubscriptionView>
  change (caller: Caller, id: string, change: SubscriptionChange): Promise<SubscriptionView>
  /** The secret before still signs for a day. */
  rotate (caller: Caller, id: string): Promise<SubscriptionWithSecret>
  delete (caller: Caller, id: string): Promise<void>
  deliveries (db: TenantDb, id: string, page: { status: string | undefined, before: string | undefined, limit: number }): Promise<EventDeliveryRow[]>
  replay (db: TenantDb, id: string, deliveryId: string): Promise<EventDeliveryRow>
}

export interface SubscriptionDependencies {
  readonly vault: Vault
  readonly nextId: () => string
  readonly now: () => number
  /** Called before an answer says that there is one: whoever writes events must know. */
  readonly onSubscribed: (organizationId: string) => void
}

export const MAX_SUBSCRIPTIONS = 100
/** milliseconds for which a secret that was replaced still signs */
const OVERLAP = 86_400_000
const WHAT = 'event subscription with this id'

export function createEventSubscriptions (deps: SubscriptionDependencies): EventSubscriptions {
  const { vault, nextId, now, onSubscribed } = deps

  async function find (db: TenantDb, id: string): Promise<SealedSubscription> {
    const row = await db.run(async tx => await findSubscription(tx, db.organizationId, id))
    if (row === undefined) throw NotFound(WHAT)
    return row
  }

  const audited = (caller: Caller, act: string, id: string, more: { before?: unknown, after?: unknown } = {}) =>
    auditEntry(deps, caller, { action: `eventSubscription.${act}`, targetType: 'eventSubscription', targetId: id, ...more })

  return {
    async create (caller, { url, events, workflowIds = null, description = null }) {
      checkUrl(url)
      const { db } = caller
      const content = { url, events: [...new Set(events)], workflowIds, description, enabled: true }
      const id = nextId()
      const secret = newSecret()
      const sealed = await sealSecrets(vault, { organizationId: db.organizationId, subscriptionId: id, version: 1 }, { current: secret })
      const row = await db.run(async tx => await insertSubscription(tx, db.organizationId, id, content, sealed, MAX_SUBSCRIPTIONS, audited(caller, 'created', id, { after: content })))
      if (row === undefined) throw Conflict(`An organization may have ${MAX_SUBSCRIPTIONS} event subscriptions. Delete one that is not used.`)
      onSubscribed(db.organizationId)
      return { ...viewOf(row), secret }
    },
    list: async (db, limit, before) => (await db.run(async tx => await listSubscriptions(tx, db.organizationId, limit, before))).map(viewOf),
    get: async (db, id) => viewOf(await find(db, id)),
    async change (caller, id, change) {
      const { db } = caller
      if (change.url !== undefined) checkUrl(change.url)
      const before = contentOf(await find(db, id))
      const after: SubscriptionContent = { ...before, ...change, events: [...new Set(change.events ?? before.events)] }
      const row = await db.run(async tx => await updateSubscription(tx, db.organizationId, id, after, audited(caller, 'updated', id, { before, after })))
      if (row === undefined) throw NotFound(WHAT)
      if (after.enabled) onSubscribed(db.organizationId)
      return viewOf(row)
    },
    async rotate (caller, id) {
      const { db } = caller
      const found = await find(db, id)
      const version = found.version + 1
      const secret = newSecret()
      const previous = { secret: await currentSecret(vault, db.organizationId, found), until: now() + OVERLAP }
      const sealed = await sealSecrets(vault, { organizationId: db.organizationId, subscriptionId: id, version }, { current: secret, previous })
      const row = await db.run(async tx => await replaceSecret(tx, db.organizationId, id, version, sealed, audited(caller, 'secretRotated', id)))
      if (row === undefined) throw Conflict('Its secret was rotated at the same moment. Read the subscription again; rotate once more if you do not have that secret.')
      return { ...viewOf(row), secret }
    },
    async delete (caller, id) {
      const { db } = caller
      if (!await db.run(async tx => await deleteSubscription(tx, db.organizationId, id, audited(caller, 'deleted', id)))) throw NotFound(WHAT)
    },
    async deliveries (db, id, page) {
      await find(db, id)
      return await db.run(async tx => await listEventDeliveries(tx, db.organizationId, id, page))
    },
    async replay (db, id, deliveryId) {
      const row = await db.run(async tx => await replayEventDelivery(tx, db.organizationId, id, deliveryId))
      if (row === undefined) throw NotFound('delivery with this id')
      return row
    }
  }
}

/** Where it may lead is looked at when it is called, name and all: what the name stands for may change. */
function checkUrl (url: string): void {
  const refuse = (message: string): Error => InvalidInput([{ pointer: '/url', message, code: 'WC_INVALID_FORMAT' }])
  if (!URL.canParse(url)) throw refuse('must be a URL such as https://example.org/events')
  const { protocol, username, password } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') throw refuse('must begin with https:// or http://')
  if (username !== '' || password !== '') throw refuse('must not hold a user or a password: requests are signed')
}

async function currentSecret (vault: Vault, organizationId: string, row: SealedSubscription): Promise<string> {
  try {
    return (await openSecrets(vault, { organizationId, subscriptionId: row.id, version: row.version }, row)).current
  } catch (error) {
    throw error instanceof SecretBoxError ? CredentialUnreadable(error.message) : error
  }
}

function contentOf ({ url, events, workflowIds, description, disabledAt }: SubscriptionFields): SubscriptionContent {
  return { url, events, workflowIds, description, enabled: disabledAt === null }
}

function viewOf ({ id, url, description, events, workflowIds, disabledAt, disabledReason, lastSuccessAt, createdAt, updatedAt }: SubscriptionFields): SubscriptionView {
  return { id, url, description, events, workflowIds, enabled: disabledAt === null, disabledAt, disabledReason, lastSuccessAt, createdAt, updatedAt }
}

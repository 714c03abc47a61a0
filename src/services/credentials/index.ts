import { violatedConstraint } from '../../db/errors.ts'
import { CREDENTIAL_USED, deleteCredential, findCredential, findCredentialUses, findSealedCredential, insertCredential, listCredentials, updateCredential, type CredentialContent, type CredentialFilter, type CredentialRow, type SealedRow } from '../../db/queries/credentials.ts'
import { credentialTypes, publicDataOf, secretFieldsOf, type CredentialType } from '../../engine/credentials/index.ts'
import type { Fetch } from '../../lib/guarded-fetch/index.ts'
import { Conflict, CredentialInUse, NotFound, SecretStoreNone } from '../problems.ts'
import { auditEntry, userOf, type Caller } from '../workflows/dependencies.ts'
import { requireMatch, type Precondition } from '../workflows/precondition.ts'
import type { Tagged } from '../workflows/view.ts'
import type { TokenSource } from '../oauth2/tokens.ts'
import { attempt, failure, type Attempt, type Attempting } from './attempt.ts'
import { checkSealable, mergeContent, requireOnePlace, requireSecretsForNewPlaces, typeNamed, type CredentialChange, type NewCredential } from './check.ts'
import type { SecretResolver } from './resolve-secrets.ts'
import type { SealedContent, Vault } from './vault.ts'
import { vaultProblem } from './vault-problem.ts'
import { auditView, taggedView, type CredentialView, viewOf } from './view.ts'

export interface CredentialService {
  create (caller: Caller, input: NewCredential): Promise<Tagged<CredentialView>>
  list (caller: Caller, filter: CredentialFilter): Promise<CredentialView[]>
  get (caller: Caller, id: string): Promise<Tagged<CredentialView>>
  patch (caller: Caller, id: string, change: CredentialChange, precondition: Precondition): Promise<Tagged<CredentialView>>
  delete (caller: Caller, id: string, precondition: Precondition): Promise<void>
  /** Tries it where its own data says, never where the caller says. */
  test (caller: Caller, id: string): Promise<Attempt>
  /** With its secrets, for services. */
  open (caller: Caller, id: string): Promise<{ readonly type: string, readonly content: SealedContent }>
}

export interface CredentialDependencies {
  readonly vault: Vault
  readonly secrets: SecretResolver
  readonly nextId: () => string
  readonly fetch: Fetch
  readonly attempts: ReadonlyMap<string, Attempting>
  readonly tokens: Pick<TokenSource, 'prove' | 'get'>
  /** Called after the commit of a change: what was opened may be stale. */
  readonly onChanged: (organizationId: string, credentialId: string) => void
}

// Without If-Match a lost race is run again; each round some writer wins.
const ATTEMPTS = 12
const SHOWN_USES = 20

export function createCredentials (deps: CredentialDependencies): CredentialService {
  return {
    create: async (caller, input) => await create(deps, caller, input),
    list: async ({ db }, filter) => (await db.run(async tx => await listCredentials(tx, db.organizationId, filter))).map(viewOf),
    get: async (caller, id) => taggedView(await find(caller, id)),
    patch: async (caller, id, change, precondition) => await patch(deps, caller, id, change, precondition),
    delete: async (caller, id, precondition) => { await remove(deps, caller, id, precondition) },
    async test (caller, id) {
      const { type, content } = await openOne(deps, caller, id)
      const { organizationId } = caller.db
      try {
        const { data, allowedHosts } = await deps.secrets.resolve(organizationId, type, content)
        return await attempt({ type, key: { organizationId, credentialId: id }, credential: { id, type: type.type, data, allowedHosts }, resolved: Object.keys(content.secretReferences ?? {}) }, deps)
      } catch (error) {
        return failure(error)
      }
    },
    async open (caller, id) {
      const { type, content } = await openOne(deps, caller, id)
      return { type: type.type, content: await deps.secrets.resolve(caller.db.organizationId, type, content).catch((error: unknown) => { throw vaultProblem(error) }) }
    }
  }
}

async function create (deps: CredentialDependencies, caller: Caller, { type: typeName, name, data, allowedHosts = null, secretReferences = {} }: NewCredential): Promise<Tagged<CredentialView>> {
  const { db } = caller
  const type = typeNamed(typeName)
  requireOnePlace(data, secretReferences)
  requireStore(deps.secrets, secretReferences)
  const sealable = checkSealable(type, { data, allowedHosts, secretReferences })
  const content = await toContent(deps.vault, db.organizationId, type, { id: deps.nextId(), name, version: 1 }, sealable)
  const audit = auditEntry(deps, caller, { action: 'credential.created', targetType: 'credential', targetId: content.id, after: auditView(typeName, name, type, sealable) })
  return taggedView(await db.run(async tx => await insertCredential(tx, db.organizationId, typeName, content, userOf(caller), audit)))
}

async function patch (deps: CredentialDependencies, caller: Caller, id: string, change: CredentialChange, precondition: Precondition): Promise<Tagged<CredentialView>> {
  const { db } = caller
  for (let round = 0; round < ATTEMPTS; round++) {
    const { row: current, type, content: before } = await openOne(deps, caller, id, precondition)
    const given = change.data ?? {}
    requireStore(deps.secrets, change.secretReferences ?? {})
    const next = checkSealable(type, mergeContent(before, change))
    requireSecretsForNewPlaces(type, before, next, change)
    const name = change.name ?? current.name
    const content = await toContent(deps.vault, db.organizationId, type, { id, name, version: current.version + 1 }, next)
    const audit = auditEntry(deps, caller, {
      action: 'credential.updated',
      targetType: 'credential',
      targetId: id,
      before: auditView(current.type, current.name, type, before),
      after: { ...auditView(current.type, name, type, next), secretsEntered: secretFieldsOf(type, given) }
    })
    const row = await db.run(async tx => await updateCredential(tx, db.organizationId, content, audit))
    if (row === undefined) continue
    deps.onChanged(db.organizationId, id)
    return taggedView(row)
  }
  throw Conflict('Others keep changing this credential. Read it again, apply your change, send it once more.')
}

async function remove (deps: CredentialDependencies, caller: Caller, id: string, precondition: Precondition): Promise<void> {
  const { db } = caller
  const { type, name, version } = await find(caller, id, precondition)
  const audit = auditEntry(deps, caller, { action: 'credential.deleted', targetType: 'credential', targetId: id, before: { type, name } })
  try {
    const deleted = await db.run(async tx => await deleteCredential(tx, db.organizationId, id, version, audit))
    if (!deleted) throw Conflict('The credential was changed at the same moment. Read it again before you delete it.')
  } catch (error) {
    if (violatedConstraint(error) !== CREDENTIAL_USED) throw error
    throw CredentialInUse(await db.run(async tx => await findCredentialUses(tx, db.organizationId, id, SHOWN_USES)))
  }
  deps.onChanged(db.organizationId, id)
}

async function find ({ db }: Caller, id: string, precondition?: Precondition): Promise<CredentialRow> {
  const row = await db.run(async tx => await findCredential(tx, db.organizationId, id))
  if (row === undefined) throw NotFound('credential')
  requireMatch(precondition, taggedView(row).etag)
  return row
}

interface Opened {
  readonly row: CredentialRow & SealedRow
  readonly type: CredentialType
  readonly content: SealedContent
}

async function openOne ({ vault }: CredentialDependencies, { db }: Caller, id: string, precondition?: Precondition): Promise<Opened> {
  const row = await db.run(async tx => await findSealedCredential(tx, db.organizationId, id))
  const type = row === undefined ? undefined : credentialTypes.get(row.type)
  if (row === undefined || type === undefined) throw NotFound('credential')
  requireMatch(precondition, taggedView(row).etag)
  try {
    return { row, type, content: await vault.open({ organizationId: db.organizationId, credentialId: id, version: row.version }, row) }
  } catch (error) {
    throw vaultProblem(error)
  }
}

async function toContent (vault: Vault, organizationId: string, type: CredentialType, head: { id: string, name: string, version: number }, content: SealedContent): Promise<CredentialContent> {
  return {
    ...head,
    ...await vault.seal({ organizationId, credentialId: head.id, version: head.version }, content).catch((error: unknown) => { throw vaultProblem(error) }),
    publicData: JSON.stringify(publicDataOf(type, content.data)),
    secretFields: JSON.stringify(secretFieldsOf(type, content.data)),
    allowedHosts: content.allowedHosts === null ? null : JSON.stringify(content.allowedHosts),
    secretReferences: content.secretReferences === undefined ? null : JSON.stringify(content.secretReferences)
  }
}

function requireStore ({ hasStore }: SecretResolver, references: Readonly<Record<string, unknown>>): void {
  if (!hasStore && Object.values(references).some(reference => reference !== null)) throw SecretStoreNone()
}

import { readdir } from 'node:fs/promises'
import { randomBytes, randomUUID } from 'node:crypto'

type Query = (...values: unknown[]) => Promise<unknown>

export interface QueryFunction {
  readonly name: string
  /** Whether it takes a transaction of one organization; else the service's client. */
  readonly takes: 'executor' | 'client'
  call (handle: unknown, values: Readonly<Record<string, unknown>>): Promise<unknown>
}

const PARAMETERS = /^async (?:function )?\w*\s*\(([\s\S]*?)\)\s*\{/

/** Every exported query function that takes an organization, with arguments by the names of its parameters. */
export async function queryFunctions (): Promise<QueryFunction[]> {
  const folder = new URL('../../src/db/queries/', import.meta.url)
  const found: QueryFunction[] = []
  for (const file of (await readdir(folder)).filter(name => name.endsWith(import.meta.url.slice(-3)))) {
    const module = await import(new URL(file, folder).href) as Record<string, unknown>
    for (const [name, member] of Object.entries(module)) {
      const text = typeof member === 'function' ? PARAMETERS.exec(member.toString())?.[1] : undefined
      if (text === undefined) continue
      const [handle = '', ...parameters] = split(text)
      if (!parameters.some(parameter => /\borganizationId\b/.test(parameter))) continue
      found.push({
        name: `${file} ${name}`,
        // Those two call the service's client `db`.
        takes: handle === 'db' && !['loadSealedCredential', 'nameExecution'].includes(name) ? 'executor' : 'client',
        call: async (executor, values) => await (member as Query)(executor, ...parameters.map(parameter => valueOf(parameter, { ...values, ...OF_THEIR_OWN[name]?.(values) })))
      })
    }
  }
  return found
}

/** At the commas that are not inside a pattern. */
function split (text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const character of text) {
    if (character === '{' || character === '[') depth++
    if (character === '}' || character === ']') depth--
    if (character === ',' && depth === 0) {
      parts.push(part.trim())
      part = ''
    } else part += character
  }
  return [...parts, part.trim()].filter(one => one !== '')
}

function valueOf (parameter: string, values: Readonly<Record<string, unknown>>): unknown {
  if (!parameter.startsWith('{')) {
    // The compiler numbers names that a module has twice.
    const [name = '', fallback] = parameter.split('=').map(one => one.trim().replace(/\d+$/, ''))
    if (name in values) return values[name]
    if (fallback !== undefined) return undefined
    throw new Error(`no value for the parameter ${name}`)
  }
  return Object.fromEntries(split(parameter.slice(1, parameter.lastIndexOf('}'))).map(member => {
    const name = member.split(/[:=]/)[0]!.trim()
    return [name, values[name]]
  }))
}

type Values = Readonly<Record<string, unknown>>

const sealed = { keyId: 'k', dataKey: randomBytes(8), secret: randomBytes(8) }
const role = (id: unknown) => ({ id, name: 'theirs', description: 'theirs', permissions: ['workflow:read'] })
const subscription = { url: 'https://example.org', description: null, events: ['execution.failed'], workflowIds: null, enabled: true, ...sealed }
const bounds = { after: '00000000-0000-0000-0000-000000000000', before: 'ffffffff-ffff-ffff-ffff-ffffffffffff', filter: {} }

/** Where a name stands for something else than elsewhere, by function. */
const OF_THEIR_OWN: Readonly<Record<string, (values: Values) => Values>> = {
  insertApiKey: () => ({ key: { id: randomUUID(), name: 'theirs', secretHash: randomBytes(32), createdBy: null, scopes: ['workflow:read'], createdAt: new Date(), expiresAt: null } }),
  insertBulkOperation: () => ({ kind: 'retry', filter: {}, options: { from: 'start', version: 'same' }, id: randomUUID() }),
  listBulkItems: () => ({ failed: false, after: undefined }),
  nameExecution: ({ id, executionId }) => ({ operationId: id, sourceId: executionId }),
  nextSources: () => bounds,
  insertCredential: ({ credentialId }) => ({ type: 'bearer', content: credential(credentialId) }),
  updateCredential: ({ credentialId }) => ({ content: credential(credentialId) }),
  updateCustomRole: ({ id }) => ({ known: role(id), change: role(id) }),
  announceWorkflowEvent: () => ({ type: 'workflow.published', data: '{}' }),
  listEventDeliveries: ({ id }) => ({ subscriptionId: id }),
  replayEventDelivery: ({ id }) => ({ subscriptionId: id }),
  insertSubscription: () => ({ id: randomUUID(), ...subscription }),
  updateSubscription: () => subscription,
  replaceSecret: () => sealed,
  releaseKey: () => ({ token: new Date().toISOString() }),
  storeAnswer: () => ({ token: new Date().toISOString(), answer: { status: 200, headers: {}, body: 'stolen' } }),
  insertAuthorization: ({ credentialId }) => ({ one: { stateHash: randomBytes(32), credentialId, actorType: 'user', actorId: randomUUID(), holderId: randomUUID(), cookieHash: randomBytes(32), verifierSalt: randomBytes(32) } }),
  saveTokens: () => ({ tokens: { ...sealed, version: 1, expiresIn: 60 } }),
  saveOpenCircuit: () => ({ id: randomUUID(), openedAt: Date.now(), retryAt: Date.now(), lastFailure: 'none' }),
  saveSchedules: () => ({ now: Date.now() }),
  savePolls: () => ({ now: Date.now() }),
  findPendingRole: ({ id }) => ({ pending: { id } }),
  resourceExists: granted,
  listGrants: granted,
  findGrant: granted,
  putGrant: granted,
  deleteGrant: values => ({ ...granted(values), known: 'workflow:read' })
}

function granted ({ id }: Values): Values {
  return { kind: 'workflow', resourceId: id }
}

function credential (id: unknown): Values {
  return { ...sealed, id, name: 'Stolen', version: 2, publicData: '{}', secretFields: '[]', allowedHosts: null, secretReferences: null }
}

/** Something for every other parameter; what belongs to the organization is given by the test. */
export function otherValues (): Record<string, unknown> {
  const id = randomUUID()
  return {
    limit: 50, before: undefined, now: new Date(), version: 1, revision: '1', recent: '00000000-0000-7000-8000-000000000000', afterSeq: 0, after: 0, perOrganization: 10,
    name: 'theirs', q: 'theirs', type: undefined, nodeType: undefined, published: undefined, status: undefined, trigger: undefined, role: 'viewer', kind: 'cancel',
    types: ['subWorkflow'], change: { name: 'Changed' }, known: undefined, paused: true, next: null, key: 'key', fingerprint: randomBytes(32), token: id, filter: { limit: 50 },
    secretHash: randomBytes(32), tokenHash: randomBytes(32), overlapUntil: new Date(), most: 10, schema: '{}', host: 'theirs', message: { messageId: id, kind: 'cancel', body: {} },
    variable: { id, name: 'theirs', value: '1' }, names: ['theirs'], enabledBy: null, createdBy: null, endpoints: [], triggers: [], schedules: [], polls: [], nodeId: 'orders', cursor: null, keptNodeIds: [], ticks: [],
    content: { id, name: 'Stolen', nodes: '[]', connections: '[]', definition: '{}', createdBy: null, version: 2, publicData: '{}', secretFields: '[]', allowedHosts: null, secret: randomBytes(8), dataKey: randomBytes(8), keyId: 'k' }, ticket: { hash: randomBytes(32), userId: null, workflowIds: null, seconds: 60 }, grant: { userId: id, permissions: ['workflow:read'], grantedBy: null }, thing: 'execution', seconds: 60,
    invitation: { id, email: 'theirs@example.org', role: 'viewer', invitedBy: null, createdAt: new Date(), expiresAt: new Date(), tokenHash: randomBytes(32) },
    added: { id, name: 'stolen', description: '', permissions: ['workflow:read'] },
    settings: { name: 'Stolen', issuer: 'https://evil.example', clientId: 'c', scopes: ['openid'], allowedDomains: [], requireVerifiedEmail: false, createMembers: true, defaultRole: 'admin', enabled: true },
    claims: { issuer: 'https://evil.example', subject: 'evil', email: null, emailVerified: false, name: null }, except: null, slug: 'theirs', sealed: { keyId: 'k', dataKey: randomBytes(8), secret: randomBytes(8) },
    executionsPerMonth: 1, storedBytes: 1, members: 1, requestsPerMinute: 1, dataKey: randomBytes(8), secret: randomBytes(8),
    stateHash: randomBytes(32), cookieHash: randomBytes(32), salt: randomBytes(16), codeChallenge: 'x', returnTo: null, code: { codeHash: randomBytes(32), codeChallenge: 'x' },
    issuer: 'https://evil.example', subject: 'evil', email: null, emailVerified: false,
    newcomer: { userId: randomUUID(), identityId: randomUUID(), role: 'admin', email: `${id}@evil.example`, name: 'Evil' },
    session: { id: randomUUID(), userId: id, refreshHash: randomBytes(32), userAgent: null, ip: null, expiresAt: new Date(), identityId: null, endsAt: null },
    month: '2026-11-01', scope: '', holder: id, fault: null, claim: { version: 1, holder: id, seconds: 1 }, hashes: [], claimedBy: 'x', keepFor: null, from: id, to: randomUUID()
  }
}

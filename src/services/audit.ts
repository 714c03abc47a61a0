export interface Actor {
  readonly type: 'user' | 'apiKey' | 'system'
  readonly id: string | null
}

/** Who asked for a change, and from where: part of every row of the audit log. */
export interface Origin {
  readonly actor: Actor
  readonly ip: string | null
  readonly requestId: string | null
}

export const SYSTEM: Origin = { actor: { type: 'system', id: null }, ip: null, requestId: null }

/** What an audit row says beside its target: from here it spreads into the entry. */
export function by (origin: Origin): { actorType: Actor['type'], actorId: string | null, ip: string | null, requestId: string | null } {
  return { actorType: origin.actor.type, actorId: origin.actor.id, ip: origin.ip, requestId: origin.requestId }
}

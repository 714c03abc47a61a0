import type { Account } from '../services/identity/accounts.ts'

/** Dates as the contract has them: RFC 3339, UTC. */
export function withIsoDates<T extends object> (row: T): { [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K] } {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value instanceof Date ? value.toISOString() : value])) as ReturnType<typeof withIsoDates<T>>
}

export function userView ({ id, email, name, createdAt, organizations }: Account) {
  return { id, email, name, createdAt: createdAt.toISOString(), organizations: [...organizations] }
}

import type { CountedExecutions } from '../../db/queries/quotas.ts'

/** What was counted and is not written down. One entry for each organization and month, however often it is added to. */
export interface Ledger {
  add (counted: CountedExecutions): void
  /** All of it; it is empty then. */
  take (): CountedExecutions[]
}

export function createLedger (): Ledger {
  let entries = new Map<string, CountedExecutions>()
  return {
    add (counted) {
      const key = `${counted.organizationId} ${counted.month}`
      const { executions = 0, refused = 0 } = entries.get(key) ?? {}
      entries.set(key, { ...counted, executions: executions + counted.executions, refused: refused + counted.refused })
    },
    take () {
      const taken = [...entries.values()]
      entries = new Map()
      return taken
    }
  }
}

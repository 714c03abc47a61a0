import type { Sql } from '../db/client.ts'
import { acceptOnce, type KeyedExecution } from '../db/queries/accept-once.ts'

export interface Claim {
  /** The execution that has the key. */
  readonly executionId: string
  /** Whether that is another one than the one that asked. */
  readonly duplicate: boolean
}

/**
 * Accepts what has a free key; rows with one key among themselves are folded, the first one stands for all.
 * @returns by row; undefined where its version is no longer published
 */
export async function claimAll (sql: Sql, rows: readonly KeyedExecution[]): Promise<Array<Claim | undefined>> {
  const first = new Map<string, KeyedExecution>()
  for (const row of rows) if (!first.has(keyOf(row))) first.set(keyOf(row), row)
  const holders = await acceptOnce(sql, [...first.values()])
  return rows.map(row => {
    const executionId = holders.get(first.get(keyOf(row))!.id)
    return executionId === undefined ? undefined : { executionId, duplicate: executionId !== row.id }
  })
}

/** What is unique: a key at a webhook. */
export function keyOf ({ workflowId, nodeId, keyHash }: KeyedExecution): string {
  return `${workflowId}:${nodeId}:${keyHash}`
}

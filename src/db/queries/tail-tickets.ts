import type { Sql } from '../client.ts'

/** @returns when it expires, milliseconds since the epoch, by the database's clock */
export async function insertTicket (
  sql: Sql, organizationId: string, ticket: { hash: Buffer, userId: string | null, workflowIds: readonly string[] | null, seconds: number }
): Promise<number> {
  const [row] = await sql<Array<{ at: number }>>`
    insert into tail_tickets (token_hash, organization_id, user_id, workflow_ids, expires_at)
    values (${ticket.hash}, ${organizationId}, ${ticket.userId}, string_to_array(${ticket.workflowIds?.join(',') ?? null}::text, ',')::uuid[], now() + make_interval(secs => ${ticket.seconds}))
    returning floor(extract(epoch from expires_at) * 1000)::float8 as at`
  return row!.at
}

/** What a ticket opens. */
export interface TicketScope {
  readonly organizationId: string
  /** Null: all. */
  readonly workflowIds: readonly string[] | null
}

/** One statement: of two who come with the same ticket, one gets in. By its hash alone: the organization is what the ticket tells. */
export async function takeTicket (sql: Sql, hash: Buffer): Promise<TicketScope & { userId: string | null } | undefined> {
  const [row] = await sql<Array<{ organizationId: string, userId: string | null, workflowIds: string | null, valid: boolean }>>`
    delete from tail_tickets where token_hash = ${hash} returning organization_id as "organizationId", user_id as "userId", array_to_string(workflow_ids, ',') as "workflowIds", expires_at > now() as valid`
  return row?.valid === true ? { organizationId: row.organizationId, userId: row.userId, workflowIds: row.workflowIds?.split(',') ?? null } : undefined
}

export async function deleteExpiredTickets (sql: Sql): Promise<void> {
  await sql`delete from tail_tickets where expires_at < now()`
}

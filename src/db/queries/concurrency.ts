import type { Sql } from '../client.ts'

/** A scope and how many executions may hold a slot in it; `kind` is for those who ask why it waits. */
export interface SlotNeed {
  readonly scope: string
  readonly kind: string
  readonly limit: number
}

export interface LimitedExecution {
  readonly executionId: string
  /** In the order in which they are taken; at least one. */
  readonly needs: readonly SlotNeed[]
  readonly priority: number
}

export interface Scope {
  readonly organizationId: string
  readonly scope: string
}

export interface Admitted {
  readonly executionId: string
  /**
   * The scope that it waits for now, or null: it may run. The same scope as before where another process took its slot at
   * the same moment; there may be another one.
   */
  readonly blockedOn: string | null
}

/** Far away: nobody claims what is blocked. */
const BLOCKED = '100 years'

/**
 * Lets executions wait in line for the first slot that they need. One that has a lease row under `writer`, which found
 * out that it is limited, gives it up; one that is another's is left alone.
 * @param status `waiting` for those that have begun
 */
export async function blockExecutions (sql: Sql, executions: readonly LimitedExecution[], writer: string | null, status: 'queued' | 'waiting' = 'queued'): Promise<void> {
  const rows = executions.map(({ executionId, needs, priority }) => ({ id: executionId, slots: needs, scope: needs[0]!.scope, priority }))
  await sql`
    insert into execution_leases as l (execution_id, organization_id, workflow_id, status, due_at, slots, blocked_on, priority, waiting_for)
    select e.id, e.organization_id, e.workflow_id, ${status}, now() + ${BLOCKED}::interval, d.slots, d.scope, d.priority, ${waitingFor(sql, sql`d.slots -> 0`)}
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as d (id uuid, slots jsonb, scope text, priority smallint) join executions e using (id)
    where not exists (select from execution_events x where x.execution_id = e.id and x.status is not null)
    on conflict (execution_id) do update set
      status = excluded.status, owner = null, due_at = excluded.due_at, slots = excluded.slots, slots_held = 0,
      blocked_on = excluded.blocked_on, priority = excluded.priority, waiting_for = excluded.waiting_for
      where l.owner = ${writer}`
}

/** What people are told, made of one element of `slots`. */
function waitingFor (sql: Sql, slot: ReturnType<Sql>) {
  return sql`json_build_object('type', 'concurrency', 'scope', (${slot}) ->> 'kind', 'limit', ((${slot}) -> 'limit')::integer)`
}

/**
 * Gives the free slots of a scope to those that wait for one, the highest priority first, then the oldest. Each goes on to
 * the next scope that it needs, or is due. The primary key of the slots decides between those who do this at once.
 */
export async function admit (sql: Sql, { organizationId, scope }: Scope): Promise<Admitted[]> {
  return await sql<Admitted[]>`
    with first as (
      -- The newest version's, where versions differ.
      select (l.slots -> l.slots_held -> 'limit')::integer as slots from execution_leases l
      where l.organization_id = ${organizationId} and l.blocked_on = ${scope} order by l.execution_id desc limit 1
    ), free as (
      select n as number, row_number() over (order by n) as place from first, generate_series(0, first.slots - 1) n
      where not exists (select from concurrency_slots s where s.organization_id = ${organizationId} and s.scope = ${scope} and s.number = n)
    ), locked as materialized (
      select execution_id, priority from execution_leases l
      where l.organization_id = ${organizationId} and l.blocked_on = ${scope}
      order by l.priority desc, l.execution_id limit (select count(*) from free) for update skip locked
    ), taken as (
      insert into concurrency_slots (organization_id, scope, number, execution_id)
      select ${organizationId}, ${scope}, free.number, w.execution_id
      from free join (select execution_id, row_number() over (order by priority desc, execution_id) as place from locked) w using (place)
      on conflict do nothing
      returning execution_id
    ), moved as (
      update execution_leases l set
        slots_held = slots_held + 1,
        blocked_on = slots -> (slots_held + 1) ->> 'scope',
        due_at = case when slots -> (slots_held + 1) is null then now() else due_at end,
        waiting_for = case when slots -> (slots_held + 1) is null then null else ${waitingFor(sql, sql`slots -> (slots_held + 1)`)} end
      from taken where l.execution_id = taken.execution_id
      returning l.execution_id, l.blocked_on
    )
    select w.execution_id as "executionId", case when m.execution_id is null then ${scope} else m.blocked_on end as "blockedOn"
    from locked w left join moved m using (execution_id)`
}

/**
 * Frees the slots of an execution that is over or waits. One that runs, or is about to, keeps them: also one that has just got them
 * and that nobody has claimed yet, which looks like one that waits but is due.
 * @returns the scopes that have room now
 */
export async function releaseSlots (sql: Sql, executionId: string): Promise<Scope[]> {
  return await sql<Scope[]>`
    with lease as materialized (
      select status, owner, blocked_on, due_at from execution_leases where execution_id = ${executionId} for update
    ), freed as (
      delete from concurrency_slots s where s.execution_id = ${executionId}
        and not exists (select from lease where status <> 'waiting' or owner is not null or blocked_on is not null or due_at <= now())
      returning s.organization_id, s.scope
    ), reset as (
      update execution_leases l set slots_held = 0 where l.execution_id = ${executionId} and exists (select from freed)
    )
    select distinct organization_id as "organizationId", scope from freed`
}

/**
 * Slots whose execution is over, or waits: their holder died before it could free them.
 * @returns the executions
 */
export async function findForgottenSlots (sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql<Array<{ id: string }>>`
    select distinct s.execution_id as id from concurrency_slots s left join execution_leases l using (execution_id)
    where l.execution_id is null or (l.status = 'waiting' and l.owner is null and l.blocked_on is null and l.due_at > now()) limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Scopes that somebody waits for, and that have room: whoever freed it died before it told anybody. */
export async function findScopesWithRoom (sql: Sql, limit: number): Promise<Scope[]> {
  return await sql<Scope[]>`
    select b.organization_id as "organizationId", b.blocked_on as scope from (
      select organization_id, blocked_on, max((slots -> slots_held -> 'limit')::integer) as slots
      from execution_leases where blocked_on is not null group by organization_id, blocked_on
    ) b where b.slots > (select count(*) from concurrency_slots s where s.organization_id = b.organization_id and s.scope = b.blocked_on) limit ${limit}`
}

export interface OrganizationFacts {
  /** How many of its executions may run at once; null without limit. */
  readonly limit: number | null
  /** The events that the ends of executions are and that a published workflow waits for. */
  readonly awaitedEnds: readonly string[]
}

/** What must be known of an organization whose executions are to run. */
export async function loadOrganizationFacts (sql: Sql, organizationId: string): Promise<OrganizationFacts> {
  const [row] = await sql<OrganizationFacts[]>`
    select concurrency_limit as "limit", array(
      select distinct t.name from event_triggers t where t.organization_id = o.id and t.kind = 'execution'
    ) as "awaitedEnds" from organizations o where id = ${organizationId}`
  return row ?? { limit: null, awaitedEnds: [] }
}

import type { Sql } from '../client.ts'
import { POLL_MEMORY } from './polls.ts'

export interface DuePoll {
  readonly id: string
  readonly organizationId: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly rule: unknown
  /** Milliseconds since the epoch */
  readonly createdAt: number
  readonly cursor: unknown
  readonly begun: boolean
  readonly failures: number
  /** When it was due, as the database writes it. */
  readonly dueAt: string
}

export interface PollClaim {
  readonly lease: string
  readonly seconds: number
  readonly limit: number
  /** Of one organization: one with many does not keep the others waiting. */
  readonly each: number
  /** Organizations that have as many under way here as they may. */
  readonly busy: readonly string[]
}

/** Takes what is due and nobody polls, the most overdue first. */
export async function claimPolls (sql: Sql, { lease, seconds, limit, each, busy }: PollClaim): Promise<DuePoll[]> {
  return await sql<DuePoll[]>`
    with due as materialized (
      select id, next_at, row_number() over (partition by organization_id order by next_at) as place from polls p
      where ${isDue(sql)} and organization_id not in (select value::uuid from json_array_elements_text(${JSON.stringify(busy)}::text::json))
    ), taken as materialized (
      select p.id from polls p join due using (id) where due.place <= ${each} and ${isDue(sql)} order by due.next_at limit ${limit} for update of p skip locked
    )
    update polls p set lease = ${lease}, leased_until = now() + make_interval(secs => ${seconds}) from taken where p.id = taken.id
    returning p.id, p.organization_id as "organizationId", p.workflow_id as "workflowId", p.version, p.node_id as "nodeId", p.rule,
      round(extract(epoch from p.created_at) * 1000)::float8 as "createdAt", p.cursor, p.begun, p.failures, p.next_at::text as "dueAt"`
}

function isDue (sql: Sql) {
  return sql`p.version is not null and p.paused_at is null and p.next_at <= now() and (p.leased_until is null or p.leased_until <= now())`
}

/** Milliseconds until the next is due, at most `limit`. */
export async function millisecondsToNextPoll (sql: Sql, limit: number): Promise<number> {
  const [row] = await sql<Array<{ wait: number | null }>>`
    select (extract(epoch from greatest(next_at, leased_until) - clock_timestamp()) * 1000)::float8 as wait
    from polls where version is not null and paused_at is null and next_at is not null order by next_at limit 1`
  return Math.min(limit, Math.max(0, row?.wait ?? limit))
}

/** Of these, which are still held. */
export async function prolongPolls (sql: Sql, leases: readonly string[], seconds: number): Promise<Set<string>> {
  const rows = await sql<Array<{ id: string }>>`
    update polls set leased_until = now() + make_interval(secs => ${seconds})
    where lease in (select value::uuid from json_array_elements_text(${JSON.stringify(leases)}::text::json)) and version is not null returning id`
  return new Set(rows.map(({ id }) => id))
}

/** Those of these keys (hashes in hexadecimal) that were seen before. Only who holds the poll's lease adds to them. */
export async function findSeenKeys (sql: Sql, organizationId: string, workflowId: string, nodeId: string, hashes: readonly string[]): Promise<Set<string>> {
  if (hashes.length === 0) return new Set()
  const rows = await sql<Array<{ hash: string }>>`
    select encode(key_hash, 'hex') as hash from remembered_keys
    where organization_id = ${organizationId} and workflow_id = ${workflowId} and name = ${POLL_MEMORY + nodeId} and (expires_at is null or expires_at > now())
      and key_hash in (select decode(given, 'hex') from unnest(string_to_array(${hashes.join('\n')}, E'\n')) as given)`
  return new Set(rows.map(({ hash }) => hash))
}

export interface PollStart {
  readonly executionId: string
  /** JSON text, as is `origin`, which may be empty. */
  readonly payload: string
  readonly origin: string
}

export interface PollEnd {
  readonly id: string
  readonly lease: string
  readonly version: number
  /** As it was claimed: one that was told meanwhile to be due at another time stays so. */
  readonly dueAt: string
  readonly nextTick: number | null
  readonly nextAt: number | null
}

export interface PollSuccess extends PollEnd {
  /** JSON text; null leaves it as it is. */
  readonly cursor: string | null
  readonly newItems: number
  /** Of all items of the answer that have a key: hashes in hexadecimal, each once, sorted. */
  readonly hashes: readonly string[]
  /** Milliseconds; null: for ever. */
  readonly keepFor: number | null
  readonly starts: readonly PollStart[]
  /** Failures in a row after which subscribers were told. */
  readonly alarmAt: number
}

/**
 * A key that is still in the answers is written again after that, or half of its window: an update for each item of each poll would be most of the work.
 * It is kept for so much longer, since it may have been seen without being written.
 */
const REFRESH = '1 hour'

/**
 * The end of a poll, in one statement: where it has come to, what it has seen, what starts. Of one whose lease is lost, or whose node was published
 * in another version meanwhile, nothing counts. A statement whose answer was lost may be repeated, and then does nothing; whether
 * the first one started something is answered again.
 */
export async function completePoll (sql: Sql, { id, lease, version, dueAt, nextTick, nextAt, cursor, newItems, hashes, keepFor, starts, alarmAt }: PollSuccess): Promise<boolean> {
  const rows = starts.map(({ executionId, payload, origin }) => ({ id: executionId, payload, origin }))
  const window = sql`${keepFor}::text::float8 * interval '1 millisecond'`
  const refresh = sql`least(${REFRESH}::interval, ${window} / 2)`
  const [row] = await sql<Array<{ moved: boolean }>>`
    with held as materialized (
      select id, failures from polls where id = ${id} and lease = ${lease} and version = ${version} for update
    ), moved as (
      update polls p set ${next(sql, dueAt, nextTick, nextAt)}, lease = null, leased_until = null,
        cursor = coalesce(${cursor}::text::json, p.cursor), begun = true, failures = 0, last_error = null, last_polled_at = now(), last_success_at = now(),
        last_items = ${newItems}, last_execution_id = coalesce(${starts.at(-1)?.executionId ?? null}::uuid, p.last_execution_id)
      from held h where p.id = h.id
      returning p.id, p.organization_id, p.workflow_id, p.version, p.node_id, h.failures
    ), seen as (
      insert into remembered_keys as r (organization_id, workflow_id, name, key_hash, claimed_by, expires_at)
      select v.organization_id, v.workflow_id, ${POLL_MEMORY} || v.node_id, decode(given, 'hex'), ${lease}::text, now() + ${window} + ${refresh}
      from moved v cross join unnest(string_to_array(${hashes.join('\n')}, E'\n')) as given
      on conflict (workflow_id, name, key_hash) do update set claimed_by = excluded.claimed_by, claimed_at = now(), expires_at = excluded.expires_at
      where r.claimed_at < now() - ${refresh} or r.expires_at < excluded.expires_at - ${refresh} or (r.expires_at is null) <> (excluded.expires_at is null)
    ), accepted as (
      insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload, origin)
      select x.id, v.organization_id, v.workflow_id, v.version, v.node_id, 'poll', x.payload::json, nullif(x.origin, '')::json
      from moved v cross join json_to_recordset(${JSON.stringify(rows)}::text::json) as x (id uuid, payload text, origin text)
    ), told as (${tell(sql, 'poll.recovered', sql`v.failures >= ${alarmAt}`)})
    select true as moved from moved
    union all select true from polls where id = ${id} and last_execution_id = ${starts.at(-1)?.executionId ?? null}::uuid`
  return row !== undefined
}

export interface PollFailure extends PollEnd {
  /** JSON text */
  readonly error: string
  readonly alarmAt: number
}

/** A poll that failed leaves all as it is but when it is tried again, and why. */
export async function failPoll (sql: Sql, { id, lease, version, dueAt, nextTick, nextAt, error, alarmAt }: PollFailure): Promise<boolean> {
  const [row] = await sql<Array<{ moved: boolean }>>`
    with moved as (
      update polls p set ${next(sql, dueAt, nextTick, nextAt)}, lease = null, leased_until = null,
        failures = failures + 1, last_error = ${error}::text::json, last_polled_at = now()
      where id = ${id} and lease = ${lease} and version = ${version}
      returning id, organization_id, workflow_id, node_id, failures, last_error
    ), told as (${tell(sql, 'poll.failed', sql`v.failures = ${alarmAt}`, sql`'error', v.last_error`)})
    select true as moved from moved`
  return row !== undefined
}

function next (sql: Sql, dueAt: string, nextTick: number | null, nextAt: number | null) {
  const kept = sql`p.next_at = ${dueAt}::text::timestamptz`
  return sql`next_tick = case when ${kept} then to_timestamp(${nextTick}::float8 / 1000) else p.next_tick end, next_at = case when ${kept} then to_timestamp(${nextAt}::float8 / 1000) else p.next_at end`
}

/** Subscribers hear of a poll once it has failed for a while, and when it has recovered. */
function tell (sql: Sql, type: string, when: ReturnType<Sql>, more?: ReturnType<Sql>) {
  return sql`
    insert into event_deliveries (id, organization_id, subscription_id, type, workflow_id, data, occurred_at)
    select weconnect_next_id(), s.organization_id, s.id, ${type}, v.workflow_id,
      json_build_object('id', v.id, 'workflowId', v.workflow_id, 'nodeId', v.node_id, 'failures', v.failures${more === undefined ? sql`` : sql`, ${more}`}), now()
    from moved v join event_subscriptions s on s.organization_id = v.organization_id
    where ${when} and s.disabled_at is null and ${type} = any(s.events) and (s.workflow_ids is null or v.workflow_id = any(s.workflow_ids))`
}

/** Gives back what was not polled: another may do it. */
export async function releasePoll (sql: Sql, id: string, lease: string): Promise<void> {
  await sql`update polls set lease = null, leased_until = null where id = ${id} and lease = ${lease}`
}

/** For who is alone with the database: nobody else is polling. */
export async function releaseAllPolls (sql: Sql): Promise<void> {
  await sql`update polls set lease = null, leased_until = null where lease is not null`
}

/** Leaves the memory of a poll its newest keys, and all of the last answer: what is still there must not be taken for new. */
export async function trimSeenKeys (sql: Sql, workflowId: string, nodeId: string, keepAtMost: number, hashes: readonly string[]): Promise<void> {
  await sql`
    delete from remembered_keys where workflow_id = ${workflowId} and name = ${POLL_MEMORY + nodeId} and key_hash in (
      select key_hash from remembered_keys where workflow_id = ${workflowId} and name = ${POLL_MEMORY + nodeId}
        and key_hash not in (select decode(given, 'hex') from unnest(string_to_array(${hashes.join('\n')}, E'\n')) as given)
      order by claimed_at desc, key_hash offset ${Math.max(0, keepAtMost - hashes.length)})`
}

import type { Sql } from '../client.ts'
import type { Segment } from './append-events.ts'

/** Parts of the statement that appends segments: what starts because an execution ended. `ok` are the segments that went in. */

/** The end of an execution, for whom it may concern. */
export interface Alarm {
  readonly status: string
  /** JSON text: the execution's facts. */
  readonly facts: string
  /** RFC 3339 */
  readonly at: string
  /** JSON text: the origin of what it starts. */
  readonly origin: string
}

export function alarmsOf (segments: readonly Segment[]): readonly object[] {
  return segments.flatMap(({ executionId, consequences }) => consequences?.alarm === undefined ? [] : [{ execution_id: executionId, ...consequences.alarm }])
}

/**
 * The error workflow of a workflow that failed, and what waits for the ends of executions, of any workflow but the ending one.
 * What an end has started, other than an error workflow, is no news for those that wait for the ends of all workflows: three of them
 * would tell each other of each other, twice as many with each of the ten ends that may stand one behind the other.
 * Each has the priority that the settings of its own workflow ask for. The ids are of the moment, and made of what starts and of what ended.
 */
export function alarmed (sql: Sql, alarms: readonly object[]) {
  if (alarms.length === 0) return sql``
  return sql`alarm as materialized (
      select ok.execution_id, ok.organization_id, ok.workflow_id, a.status, a.at, a.origin, e.version,
        e.trigger = 'error' or e.origin ->> 'hops' is null as is_news,
        json_build_object('execution', a.facts::json, 'workflow', json_build_object('id', ok.workflow_id, 'name', w.name, 'version', e.version)) as facts,
        case when a.status in ('failed', 'timedOut') then (
          select v.definition #>> '{settings,errorWorkflowId}' from workflow_versions v where v.workflow_id = ok.workflow_id and v.version = e.version
        ) end as error_workflow_id
      from ok join json_to_recordset(${JSON.stringify(alarms)}::text::json) as a (execution_id uuid, status text, facts text, at text, origin text) using (execution_id)
      join executions e on e.id = ok.execution_id
      left join workflows w on w.id = ok.workflow_id
    ), alarmed as (
      insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload, origin)
      select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || substr(h.hash, 1, 3) || '8' || substr(h.hash, 4, 15))::uuid,
        t.organization_id, t.workflow_id, t.version, t.node_id, case t.kind when 'error' then 'error' else 'event' end,
        case t.kind when 'error' then a.facts else json_build_object('name', t.name, 'payload', a.facts, 'at', a.at) end,
        case when v.definition #>> '{settings,priority}' in ('high', 'low') then (a.origin::jsonb || jsonb_build_object('priority', v.definition #>> '{settings,priority}'))::json else a.origin::json end
      from alarm a
      join event_triggers t on t.organization_id = a.organization_id and t.workflow_id <> a.workflow_id and (
        (t.kind = 'execution' and t.name = 'execution.' || a.status and (t.source_workflow_id = a.workflow_id or (t.source_workflow_id is null and a.is_news)))
        or (t.kind = 'error' and t.workflow_id::text = lower(a.error_workflow_id)))
      join workflows p on p.id = t.workflow_id and p.published_version = t.version
      join workflow_versions v on v.workflow_id = t.workflow_id and v.version = t.version
      cross join lateral (select md5(a.execution_id::text || t.workflow_id::text || t.node_id) as hash) h
      on conflict do nothing
      returning id, organization_id
    ),`
}

export function alarmStarted (sql: Sql, alarms: readonly object[]) {
  return alarms.length === 0 ? sql`` : sql` union all select 'started', id, organization_id from alarmed`
}

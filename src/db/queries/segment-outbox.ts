import type { Sql } from '../client.ts'

/**
 * Part of the statement that appends segments: who has subscribed to the ends of these executions is to be told of them.
 * `ok` are the segments that went in, `d` what they hold. Left out where no organization among them has a subscription.
 */
export function outbox (sql: Sql, announced: boolean) {
  if (!announced) return sql``
  return sql`outbox as (
      insert into event_deliveries (id, organization_id, subscription_id, type, workflow_id, execution_id, occurred_at)
      select weconnect_next_id(), ok.organization_id, s.id, 'execution.' || d.status, ok.workflow_id, ok.execution_id, to_timestamp(d.last_at / 1000.0)
      from ok join d using (execution_id) join event_subscriptions s on s.organization_id = ok.organization_id
      where s.disabled_at is null and 'execution.' || d.status = any(s.events) and (s.workflow_ids is null or ok.workflow_id = any(s.workflow_ids))
    ),`
}

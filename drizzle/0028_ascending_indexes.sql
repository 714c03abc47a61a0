-- Ids rise, so in a descending index each entry goes in at the left of its organization's part, where pages are split in halves: half as many
-- pages again, and 5 % more of the write-ahead log, than ascending, which is read backwards as well. Nothing else changes.

-- Statements of running processes lock one of these tables and then the other, some this way round and some that. Whoever held one and
-- waited long for the other would end in a deadlock: after half a second both are let go, and what waits for them goes first.
do $$
begin
  loop
    begin
      set local lock_timeout = '500ms';
      lock table execution_events, executions in access exclusive mode;
      exit;
    exception when lock_not_available or deadlock_detected then
      perform pg_sleep(0.1);
    end;
  end loop;
  set local lock_timeout to default;
end $$;

drop index executions_organization_idx;
create index executions_organization_idx on executions (organization_id, id);
drop index executions_workflow_idx;
create index executions_workflow_idx on executions (workflow_id, id);
drop index execution_events_status_idx;
create index execution_events_status_idx on execution_events (organization_id, status, execution_id) where status is not null;

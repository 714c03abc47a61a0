-- The execution whose step started this one: to find the children of an execution, which most do not have.
alter table executions add column parent_id uuid;
--> statement-breakpoint
create index executions_parent_idx on executions (parent_id, id desc) where parent_id is not null;
--> statement-breakpoint
-- What published workflows start at beside named events: the end of an execution (`execution`, of one workflow or of any), and
-- the failure of an execution whose workflow names this one (`error`).
alter table event_triggers add column kind text not null default 'event' check (kind in ('event', 'execution', 'error'));
--> statement-breakpoint
alter table event_triggers add column source_workflow_id uuid;

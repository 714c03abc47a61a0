-- Concurrency limits. An execution under a limit waits in `execution_leases`, blocked on one scope after the other, until it
-- holds a slot in each. A slot row exists while it is held: its number is below the limit of its scope, so there are never more.
create table concurrency_slots (
  organization_id uuid not null references organizations (id) on delete cascade,
  scope text not null,
  number integer not null,
  execution_id uuid not null,
  primary key (organization_id, scope, number)
);
--> statement-breakpoint
create index concurrency_slots_execution_idx on concurrency_slots (execution_id);
--> statement-breakpoint
-- `slots`: the scopes to hold, in the order in which they are taken, each with its limit; `slots_held` of them are.
-- `blocked_on`: the scope whose slot is awaited. Nobody claims a blocked execution, its `due_at` is far away.
alter table execution_leases
  add column slots jsonb,
  add column slots_held integer not null default 0,
  add column blocked_on text,
  add column priority smallint not null default 0;
--> statement-breakpoint
create index execution_leases_blocked_idx on execution_leases (organization_id, blocked_on, priority desc, execution_id) where blocked_on is not null;
--> statement-breakpoint
drop index execution_leases_due_idx;
--> statement-breakpoint
create index execution_leases_due_idx on execution_leases (organization_id, priority desc, due_at);
--> statement-breakpoint
-- Executions of the organization that run at once; null is without limit.
alter table organizations add column concurrency_limit integer check (concurrency_limit > 0);
--> statement-breakpoint
alter table concurrency_slots enable row level security;
--> statement-breakpoint
create policy tenant on concurrency_slots to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on concurrency_slots to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on concurrency_slots to weconnect_service;
--> statement-breakpoint
grant select on concurrency_slots to weconnect_tenant;
--> statement-breakpoint
grant update (concurrency_limit) on organizations to weconnect_tenant;

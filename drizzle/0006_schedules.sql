-- Schedules that fire. `next_tick` is the tick to come, `next_at` when it is due (jitter). A tick is fired by whoever moves
-- `next_tick` on, in the statement that accepts the execution; `schedule_ticks` remembers each.
alter table schedules
  add column next_tick timestamptz,
  add column last_tick timestamptz,
  add column last_execution_id uuid,
  -- A tick that waits for the end of the execution before it (overlap: buffer).
  add column buffered_tick timestamptz;
--> statement-breakpoint
create index schedules_buffered_idx on schedules (buffered_tick) where buffered_tick is not null;
--> statement-breakpoint
create index schedules_organization_idx on schedules (organization_id, id desc);
--> statement-breakpoint
create table schedule_ticks (
  schedule_id uuid not null references schedules (id) on delete cascade,
  tick timestamptz not null,
  organization_id uuid not null references organizations (id) on delete cascade,
  -- Null where the tick was skipped for its overlap.
  execution_id uuid,
  primary key (schedule_id, tick)
);
--> statement-breakpoint
create index schedule_ticks_age_idx on schedule_ticks (tick);
--> statement-breakpoint
alter table schedule_ticks enable row level security;
--> statement-breakpoint
create policy tenant on schedule_ticks to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on schedule_ticks to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on schedule_ticks to weconnect_service;
--> statement-breakpoint
grant select on schedule_ticks to weconnect_tenant;

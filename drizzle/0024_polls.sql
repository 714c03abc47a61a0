-- Triggers that ask. A row outlives the publication of its workflow (`version` is null meanwhile), since it says where its polls have
-- come to. Whoever holds `lease` is polling, and what it found counts only as long as it holds it: cursor, remembered keys and
-- executions are committed by one statement under that condition.
create table polls (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null,
  node_id text not null,
  version integer,
  rule jsonb not null,
  next_tick timestamptz,
  next_at timestamptz,
  lease uuid,
  leased_until timestamptz,
  cursor json,
  -- Whether a poll has come to an end since it began, or began anew.
  begun boolean not null default false,
  failures integer not null default 0,
  last_error json,
  last_polled_at timestamptz,
  last_success_at timestamptz,
  -- New items of the last poll that came to an end, and what it started, of several the last.
  last_items integer,
  last_execution_id uuid,
  paused_at timestamptz,
  -- Since when its rule is what it is: intervals are counted from then.
  created_at timestamptz not null default now(),
  unique (workflow_id, node_id),
  foreign key (organization_id, workflow_id) references workflows (organization_id, id) on delete cascade
);
--> statement-breakpoint
create index polls_due_idx on polls (next_at) where version is not null and paused_at is null and next_at is not null;
--> statement-breakpoint
create index polls_organization_idx on polls (organization_id, id desc);
--> statement-breakpoint
alter table polls enable row level security;
--> statement-breakpoint
create policy tenant on polls to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on polls to weconnect_service using (true) with check (true);
--> statement-breakpoint
create policy granted on polls as restrictive to weconnect_tenant using ((select weconnect_granted('workflow')) is null or workflow_id = any ((select weconnect_granted('workflow'))::uuid[]));
--> statement-breakpoint
grant select, insert, update, delete on polls to weconnect_service, weconnect_tenant;
--> statement-breakpoint
-- Who begins a poll anew also forgets what it remembered.
grant select, delete on remembered_keys to weconnect_tenant;

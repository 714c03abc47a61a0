-- Destinations that keep failing an organization's workflows, as the processes that call them report. The breakers themselves live in
-- those processes; this is what people see. A row that nobody takes back (its process has died) is removed a day after its last failure.
create table open_circuits (
  id uuid not null,
  organization_id uuid not null references organizations (id) on delete cascade,
  host text not null,
  opened_at timestamptz not null,
  retry_at timestamptz not null,
  last_failure text not null,
  primary key (organization_id, host)
);
--> statement-breakpoint
create index open_circuits_age_idx on open_circuits (retry_at);
--> statement-breakpoint
alter table open_circuits enable row level security;
--> statement-breakpoint
create policy tenant on open_circuits to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on open_circuits to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select on open_circuits to weconnect_tenant;
--> statement-breakpoint
grant select, insert, update, delete on open_circuits to weconnect_service;

-- What callers were answered by the workflow that their request started; all others got 202.
create table delivery_answers (
  execution_id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  response_status integer not null
);
--> statement-breakpoint
create index delivery_answers_organization_idx on delivery_answers (organization_id);
--> statement-breakpoint
alter table delivery_answers enable row level security;
--> statement-breakpoint
create policy tenant on delivery_answers to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on delivery_answers to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on delivery_answers to weconnect_service;
--> statement-breakpoint
grant select on delivery_answers to weconnect_tenant;

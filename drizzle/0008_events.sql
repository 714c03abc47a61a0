-- What starts workflows by the name of an event: of published versions only, like webhook_endpoints.
create table event_triggers (
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null references workflows (id) on delete cascade,
  version integer not null,
  node_id text not null,
  name text not null,
  primary key (workflow_id, node_id)
);
--> statement-breakpoint
create index event_triggers_name_idx on event_triggers (organization_id, name);
--> statement-breakpoint
-- What the payload of an event must be, where the organization says so.
create table event_types (
  organization_id uuid not null references organizations (id) on delete cascade,
  name text not null,
  schema json not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, name)
);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['event_triggers', 'event_types'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service, weconnect_tenant', tenant_table);
  end loop;
end $$;

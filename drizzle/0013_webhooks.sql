-- Keys of deliveries that a webhook accepts once (`deduplicate`). Claimed in the statement that accepts the execution, so that whoever
-- comes second gets the id of the first. Not partitioned: it is unique over all days.
create table delivery_keys (
  organization_id uuid not null,
  workflow_id uuid not null,
  node_id text not null,
  key_hash bytea not null,
  execution_id uuid not null,
  expires_at timestamptz not null,
  primary key (workflow_id, node_id, key_hash),
  foreign key (organization_id, workflow_id) references workflows (organization_id, id) on delete cascade
);
--> statement-breakpoint
create index delivery_keys_expiry_idx on delivery_keys (expires_at);
--> statement-breakpoint
-- What came in at each webhook, by day (UTC): added up in the processes and written every few seconds.
create table webhook_counts (
  organization_id uuid not null,
  workflow_id uuid not null,
  node_id text not null,
  method text not null,
  day date not null,
  accepted bigint not null default 0,
  duplicates bigint not null default 0,
  refused bigint not null default 0,
  last_at timestamptz not null,
  primary key (workflow_id, node_id, method, day),
  foreign key (organization_id, workflow_id) references workflows (organization_id, id) on delete cascade
);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['delivery_keys', 'webhook_counts'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service', tenant_table);
    execute format('grant select on %I to weconnect_tenant', tenant_table);
  end loop;
end $$;

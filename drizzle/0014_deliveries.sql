-- UUIDv7 (RFC 9562), for rows that statements make by themselves.
create function weconnect_next_id () returns uuid language sql volatile as
  $$ select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
    substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid $$;
--> statement-breakpoint
-- Who is told of what happens here, by signed requests.
create table event_subscriptions (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  url text not null,
  description text,
  events text[] not null,
  -- Null: of all workflows.
  workflow_ids uuid[],
  -- Sealed by the vault, as this version: the secret that signs, and the one before while it is still to be honoured.
  version integer not null default 1,
  key_id text not null,
  data_key bytea not null,
  secret bytea not null,
  disabled_at timestamptz,
  disabled_reason text,
  last_success_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
--> statement-breakpoint
create index event_subscriptions_organization_idx on event_subscriptions (organization_id, id desc);
--> statement-breakpoint
-- The outbox: a row is written by the statement of what it tells of, and sent until the far side takes it. Its id is the `webhook-id`.
create table event_deliveries (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  subscription_id uuid not null references event_subscriptions (id) on delete cascade,
  type text not null,
  workflow_id uuid not null,
  -- Of an event of an execution: what it says is in there.
  execution_id uuid,
  -- Of any other event.
  data json,
  occurred_at timestamptz not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  attempts integer not null default 0,
  -- When it is to be sent; while somebody sends it, when that one is given up.
  next_at timestamptz not null default now(),
  last_attempt_at timestamptz,
  response_status integer,
  response_body text,
  error text
);
--> statement-breakpoint
create index event_deliveries_due_idx on event_deliveries (next_at) where status = 'pending';
--> statement-breakpoint
create index event_deliveries_waiting_idx on event_deliveries (subscription_id, next_at) where status = 'pending';
--> statement-breakpoint
create index event_deliveries_subscription_idx on event_deliveries (subscription_id, id desc);
--> statement-breakpoint
create index event_deliveries_organization_idx on event_deliveries (organization_id);
--> statement-breakpoint
-- Requests to webhooks that were refused; those that were accepted are executions. Sampled and capped by whoever writes.
create table refused_deliveries (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid,
  node_id text,
  method text not null,
  path text not null,
  query text not null,
  headers json not null,
  body_size integer not null,
  address text,
  response_status integer not null,
  code text not null,
  detail text not null
);
--> statement-breakpoint
create index refused_deliveries_organization_idx on refused_deliveries (organization_id, id desc);
--> statement-breakpoint
-- What is done with many executions one after the other. `position` is the last one that was looked at.
create table bulk_operations (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  kind text not null check (kind in ('retry', 'replay')),
  filter json not null,
  options json not null,
  status text not null default 'running' check (status in ('running', 'completed', 'cancelled')),
  total integer not null,
  started integer not null default 0,
  failed integer not null default 0,
  position uuid not null,
  -- Whoever works on it has it until then.
  due_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
--> statement-breakpoint
create index bulk_operations_organization_idx on bulk_operations (organization_id, id desc);
--> statement-breakpoint
create index bulk_operations_due_idx on bulk_operations (due_at) where status = 'running';
--> statement-breakpoint
-- The execution that an operation starts for another one is named before it starts: whoever goes on after a crash starts the same.
create table bulk_operation_items (
  operation_id uuid not null references bulk_operations (id) on delete cascade,
  organization_id uuid not null references organizations (id) on delete cascade,
  source_id uuid not null,
  execution_id uuid not null,
  error text,
  code text,
  primary key (operation_id, source_id)
);
--> statement-breakpoint
create index bulk_operation_items_organization_idx on bulk_operation_items (organization_id);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['event_subscriptions', 'event_deliveries', 'refused_deliveries', 'bulk_operations', 'bulk_operation_items'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service', tenant_table);
    execute format('grant select on %I to weconnect_tenant', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
grant insert, update, delete on event_subscriptions to weconnect_tenant;
--> statement-breakpoint
grant insert on event_deliveries to weconnect_tenant;
--> statement-breakpoint
grant update (status, attempts, next_at) on event_deliveries to weconnect_tenant;
--> statement-breakpoint
grant insert on bulk_operations to weconnect_tenant;
--> statement-breakpoint
grant update (status, finished_at) on bulk_operations to weconnect_tenant;

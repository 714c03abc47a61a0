-- Identity: global tables, reached only by the service role.
create table users (
  id uuid primary key,
  email text not null,
  name text not null,
  password_hash text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
--> statement-breakpoint
create unique index users_email_key on users (lower(email));
--> statement-breakpoint
create table organizations (
  id uuid primary key,
  name text not null,
  slug text not null constraint organizations_slug_key unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
--> statement-breakpoint
create table memberships (
  organization_id uuid not null references organizations (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'editor', 'operator', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
--> statement-breakpoint
create index memberships_user_idx on memberships (user_id);
--> statement-breakpoint
-- A session is a family of refresh tokens: one is current; the use of an older one revokes the family.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  refresh_hash bytea not null,
  generation integer not null default 1,
  user_agent text,
  ip text,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
--> statement-breakpoint
create index sessions_user_idx on sessions (user_id);
--> statement-breakpoint
create table api_keys (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  name text not null,
  secret_hash bytea not null,
  created_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);
--> statement-breakpoint
create index api_keys_organization_idx on api_keys (organization_id, id desc);
--> statement-breakpoint
create table audit_log (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  actor_type text not null check (actor_type in ('user', 'apiKey', 'system')),
  actor_id uuid,
  action text not null,
  target_type text not null,
  target_id text not null,
  before jsonb,
  after jsonb,
  ip text,
  request_id text,
  at timestamptz not null default now()
);
--> statement-breakpoint
create index audit_log_organization_idx on audit_log (organization_id, id desc);
--> statement-breakpoint
-- Workflows. A version is immutable; `version` is the newest one, `published_version` the one that runs.
create table workflows (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  name text not null,
  version integer not null,
  published_version integer,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id)
);
--> statement-breakpoint
create table workflow_versions (
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null references workflows (id) on delete cascade,
  version integer not null,
  name text not null,
  -- { nodes, connections, settings }: json, since nobody queries inside it and its text is parsed as it is.
  definition json not null,
  created_by uuid,
  created_at timestamptz not null default now(),
  primary key (workflow_id, version)
);
--> statement-breakpoint
-- The nodes and connections of each version as rows: which workflow uses which node type or credential.
create table workflow_nodes (
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null,
  version integer not null,
  node_id text not null,
  position integer not null,
  type text not null,
  name text,
  credential_id uuid,
  disabled boolean not null default false,
  primary key (workflow_id, version, node_id),
  foreign key (workflow_id, version) references workflow_versions (workflow_id, version) on delete cascade
);
--> statement-breakpoint
create index workflow_nodes_type_idx on workflow_nodes (organization_id, type, workflow_id);
--> statement-breakpoint
create table workflow_node_connections (
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null,
  version integer not null,
  position integer not null,
  from_node text not null,
  output text not null,
  to_node text not null,
  input text not null,
  primary key (workflow_id, version, position),
  foreign key (workflow_id, version) references workflow_versions (workflow_id, version) on delete cascade
);
--> statement-breakpoint
create table variables (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid references workflows (id) on delete cascade,
  name text not null,
  value jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
--> statement-breakpoint
create unique index variables_organization_key on variables (organization_id, name) where workflow_id is null;
--> statement-breakpoint
create unique index variables_workflow_key on variables (workflow_id, name) where workflow_id is not null;
--> statement-breakpoint
create table credentials (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  type text not null,
  name text not null,
  -- Sealed by the vault; never readable without the key-encryption key.
  secret bytea not null,
  key_id text not null,
  created_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
--> statement-breakpoint
create index credentials_organization_idx on credentials (organization_id, id desc);
--> statement-breakpoint
-- What is published: `shape` is the path with its parameters unnamed, so that orders/:id and orders/:key conflict.
create table webhook_endpoints (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null references workflows (id) on delete cascade,
  version integer not null,
  node_id text not null,
  method text not null,
  path text not null,
  shape text not null,
  created_at timestamptz not null default now(),
  constraint webhook_endpoints_shape_key unique (organization_id, method, shape)
);
--> statement-breakpoint
create index webhook_endpoints_workflow_idx on webhook_endpoints (workflow_id);
--> statement-breakpoint
create table schedules (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null references workflows (id) on delete cascade,
  version integer not null,
  node_id text not null,
  rule jsonb not null,
  time_zone text not null default 'UTC',
  next_at timestamptz,
  paused_at timestamptz,
  created_at timestamptz not null default now(),
  unique (workflow_id, node_id)
);
--> statement-breakpoint
create index schedules_due_idx on schedules (next_at) where paused_at is null and next_at is not null;
--> statement-breakpoint
create table idempotency_keys (
  organization_id uuid not null,
  key text not null,
  -- method, route and body of the first request; the same key with another one is refused.
  fingerprint bytea not null,
  status integer,
  headers json,
  body text,
  created_at timestamptz not null default now(),
  primary key (organization_id, key)
);
--> statement-breakpoint
create index idempotency_keys_age_idx on idempotency_keys (created_at);
--> statement-breakpoint
create table tail_tickets (
  token_hash bytea primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  user_id uuid,
  expires_at timestamptz not null
);
--> statement-breakpoint
-- Executions: append-only, a partition a day of UUIDv7, no foreign keys (they cost 25 to 50 % of the insert rate,
-- and a referenced partition cannot be dropped). The row is event 1, `execution.queued`.
create table executions (
  id uuid not null primary key,
  organization_id uuid not null,
  workflow_id uuid not null,
  version integer not null,
  -- The node that started it.
  node_id text not null,
  trigger text not null,
  -- The trigger's item: json, not jsonb, since nobody queries inside it.
  payload json not null,
  -- What only few executions have: retryOf, rootId, parent, priority.
  origin json,
  xid bigint not null default (pg_current_xact_id()::text::bigint)
) partition by range (id);
--> statement-breakpoint
create index executions_organization_idx on executions (organization_id, id desc);
--> statement-breakpoint
create index executions_workflow_idx on executions (workflow_id, id desc);
--> statement-breakpoint
-- For tails of workflows and organizations. BRIN would be smaller, but its newest ranges, which are what is read, are not summarised: 500 ms a read.
create index executions_xid_idx on executions (xid);
--> statement-breakpoint
-- A row is a segment: events seq..last_seq of one execution, written at once by one writer.
create table execution_events (
  execution_id uuid not null,
  seq integer not null,
  last_seq integer not null,
  organization_id uuid not null,
  workflow_id uuid not null,
  writer uuid not null,
  -- Times of the first and last event, milliseconds since the epoch.
  first_at bigint not null,
  last_at bigint not null,
  -- The execution's final status, on its last segment.
  status text,
  xid bigint not null default (pg_current_xact_id()::text::bigint),
  events json not null,
  primary key (execution_id, seq)
) partition by range (execution_id);
--> statement-breakpoint
create index execution_events_status_idx on execution_events (organization_id, status, execution_id desc) where status is not null;
--> statement-breakpoint
create index execution_events_xid_idx on execution_events (xid);
--> statement-breakpoint
create table execution_logs (
  execution_id uuid not null,
  seq integer not null,
  organization_id uuid not null,
  at bigint not null,
  level text not null,
  node_id text,
  run integer,
  message text not null,
  data json,
  primary key (execution_id, seq)
) partition by range (execution_id);
--> statement-breakpoint
-- Every execution that its first flush did not finish. `due_at` is when somebody must look at it: the end of the
-- owner's lease, or the time it waits for, or at once.
create table execution_leases (
  execution_id uuid primary key,
  organization_id uuid not null,
  workflow_id uuid not null,
  status text not null check (status in ('queued', 'running', 'waiting')),
  owner uuid,
  due_at timestamptz not null,
  takeovers integer not null default 0,
  waiting_for json
);
--> statement-breakpoint
create index execution_leases_due_idx on execution_leases (organization_id, due_at);
--> statement-breakpoint
create index execution_leases_list_idx on execution_leases (organization_id, status, execution_id desc);
--> statement-breakpoint
-- Messages from outside to an execution: cancel, callback, finished child.
create table execution_inbox (
  execution_id uuid not null,
  message_id uuid not null,
  organization_id uuid not null,
  kind text not null,
  body json not null,
  created_at timestamptz not null default now(),
  primary key (execution_id, message_id)
);
--> statement-breakpoint
-- One row: everything below `low_water` is terminal or has a lease row.
create table sweep_marks (
  name text primary key,
  low_water uuid not null
);
--> statement-breakpoint
insert into sweep_marks (name, low_water) values ('executions', '00000000-0000-0000-0000-000000000000');
--> statement-breakpoint
-- Row-level security. The tenant role sees its organization's rows and nothing else; without the setting it sees none.
create function weconnect_organization () returns uuid language sql stable as
  $$ select nullif(current_setting('weconnect.organization_id', true), '')::uuid $$;
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array[
    'memberships', 'api_keys', 'audit_log', 'workflows', 'workflow_versions', 'workflow_nodes', 'workflow_node_connections',
    'variables', 'credentials', 'webhook_endpoints', 'schedules', 'idempotency_keys', 'tail_tickets',
    'executions', 'execution_events', 'execution_logs', 'execution_leases', 'execution_inbox'
  ] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
  end loop;
  alter table organizations enable row level security;
  create policy tenant on organizations to weconnect_tenant using (id = weconnect_organization()) with check (id = weconnect_organization());
  create policy service on organizations to weconnect_service using (true) with check (true);
end $$;
--> statement-breakpoint
grant usage on schema public to weconnect_tenant, weconnect_service;
--> statement-breakpoint
grant select, insert, update, delete on all tables in schema public to weconnect_service;
--> statement-breakpoint
grant select on organizations, memberships, api_keys, audit_log, workflows, workflow_versions, workflow_nodes, workflow_node_connections,
  variables, credentials, webhook_endpoints, schedules, executions, execution_events, execution_logs, execution_leases to weconnect_tenant;
--> statement-breakpoint
grant insert, update, delete on api_keys, workflows, workflow_versions, workflow_nodes, workflow_node_connections, variables, credentials,
  webhook_endpoints, schedules, execution_inbox to weconnect_tenant;
--> statement-breakpoint
grant select on execution_inbox to weconnect_tenant;
--> statement-breakpoint
grant update (name, slug, updated_at) on organizations to weconnect_tenant;
--> statement-breakpoint
grant insert on audit_log to weconnect_tenant;
--> statement-breakpoint
-- Append-only: nobody but the owner of the tables may change what happened.
revoke update, delete on audit_log from weconnect_service;
--> statement-breakpoint
revoke update on execution_events, execution_logs from weconnect_service;
--> statement-breakpoint
revoke update on workflow_versions, workflow_nodes, workflow_node_connections from weconnect_tenant, weconnect_service;

-- Keys that a workflow has seen, across its executions, under the name of a memory: what removeDuplicates asks. A step that is repeated
-- after a crash knows its own claims by claimed_by: root execution, node and run.
create table remembered_keys (
  organization_id uuid not null,
  workflow_id uuid not null,
  name text not null,
  key_hash bytea not null,
  claimed_by text not null,
  claimed_at timestamptz not null default now(),
  expires_at timestamptz,
  primary key (workflow_id, name, key_hash),
  foreign key (organization_id, workflow_id) references workflows (organization_id, id) on delete cascade
);
--> statement-breakpoint
create index remembered_keys_age_idx on remembered_keys (workflow_id, name, claimed_at);
--> statement-breakpoint
create index remembered_keys_expiry_idx on remembered_keys (expires_at) where expires_at is not null;
--> statement-breakpoint
alter table remembered_keys enable row level security;
--> statement-breakpoint
create policy tenant on remembered_keys to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on remembered_keys to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on remembered_keys to weconnect_service;

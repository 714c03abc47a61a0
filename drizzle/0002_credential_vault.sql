-- What was a table only becomes the vault: nothing has written a row so far. `secret` is sealed with `data_key`, which is
-- sealed with the key-encryption key `key_id`; both are bound to the organization, the credential and `version`.
alter table credentials add column data_key bytea not null;
--> statement-breakpoint
alter table credentials add column version integer not null default 1;
--> statement-breakpoint
-- For people to see: what is used is the copy inside `secret`, which nobody can change without the key.
alter table credentials add column public_data json not null default '{}';
--> statement-breakpoint
alter table credentials add column secret_fields json not null default '[]';
--> statement-breakpoint
alter table credentials add column allowed_hosts json;
--> statement-breakpoint
alter table credentials add constraint credentials_organization_key unique (organization_id, id);
--> statement-breakpoint
-- Which credentials the published version of a workflow uses: the reference keeps them from being deleted, whoever is first.
create table credential_uses (
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null references workflows (id) on delete cascade,
  credential_id uuid not null,
  primary key (workflow_id, credential_id),
  -- No action, not restrict: an organization is deleted with everything in it.
  constraint credential_uses_credential_fkey foreign key (organization_id, credential_id) references credentials (organization_id, id) on delete no action
);
--> statement-breakpoint
create index credential_uses_credential_idx on credential_uses (organization_id, credential_id);
--> statement-breakpoint
alter table credential_uses enable row level security;
--> statement-breakpoint
create policy tenant on credential_uses to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on credential_uses to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on credential_uses to weconnect_service;
--> statement-breakpoint
grant select, insert, delete on credential_uses to weconnect_tenant;

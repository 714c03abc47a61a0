-- What a key may do; null: all that administrators may, as keys of before could.
alter table api_keys add column scopes text[];
--> statement-breakpoint
-- A key that was given a new secret takes the old one for a while, so that its holders can change over.
alter table api_keys add column previous_hash bytea, add column previous_until timestamptz;
--> statement-breakpoint
-- Who was asked to join, as what. The token is in a mail or was shown once; only its hash is here. One pending invitation an address.
create table invitations (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  email text not null,
  role text not null check (role in ('owner', 'admin', 'editor', 'operator', 'viewer')),
  token_hash bytea not null constraint invitations_token_key unique,
  invited_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  revoked_at timestamptz
);
--> statement-breakpoint
create index invitations_organization_idx on invitations (organization_id, id desc);
--> statement-breakpoint
create unique index invitations_pending_key on invitations (organization_id, lower(email)) where accepted_at is null and revoked_at is null;
--> statement-breakpoint
alter table invitations enable row level security;
--> statement-breakpoint
create policy tenant on invitations to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on invitations to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on invitations to weconnect_service;
--> statement-breakpoint
-- Not the token's hash: nobody finds out anything by it but who accepts, which is the service.
grant select (id, organization_id, email, role, invited_by, created_at, expires_at, accepted_at, revoked_at) on invitations to weconnect_tenant;
--> statement-breakpoint
-- A global table, like users: reached only by the service role.
create table password_resets (
  token_hash bytea primary key,
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
--> statement-breakpoint
create index password_resets_user_idx on password_resets (user_id, created_at);
--> statement-breakpoint
grant select, insert, update, delete on password_resets to weconnect_service;
--> statement-breakpoint
-- Organizations that are gone, until the last of what has no foreign key (executions and what belongs to them) is gone too.
create table deleted_organizations (
  id uuid primary key,
  deleted_at timestamptz not null default now()
);
--> statement-breakpoint
grant select, insert, delete on deleted_organizations to weconnect_service;
--> statement-breakpoint
-- How long the audit log is kept; null: for ever.
alter table organizations add column audit_retention_days integer check (audit_retention_days between 30 and 36500);
--> statement-breakpoint
create index audit_log_actor_idx on audit_log (organization_id, actor_id, id desc);
--> statement-breakpoint
-- The one way in which rows of the audit log end while their organization stands: it runs with the rights of the tables' owner, and
-- removes only what the organization's own policy has given up.
create function weconnect_prune_audit (batch integer) returns bigint language sql security definer set search_path = pg_catalog, public as $$
  with past as (
    select a.id from organizations o join audit_log a on a.organization_id = o.id
    where o.audit_retention_days is not null and a.at < now() - make_interval(days => o.audit_retention_days)
    limit least(batch, 10000)
  ), gone as (delete from audit_log a using past where a.id = past.id returning a.id)
  select count(*) from gone
$$;
--> statement-breakpoint
revoke all on function weconnect_prune_audit (integer) from public;
--> statement-breakpoint
grant execute on function weconnect_prune_audit (integer) to weconnect_service;
--> statement-breakpoint
-- Columns by name, as before: what an organization may hold is not its own to raise.
grant update (audit_retention_days) on organizations to weconnect_tenant;

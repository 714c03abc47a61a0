-- Accounts that an organization's identity provider made are the organization's own: their addresses say nothing of who else has them,
-- and they end with it. They have no password.
alter table users add column managed_by uuid references organizations (id) on delete cascade;
--> statement-breakpoint
alter table users alter column password_hash drop not null;
--> statement-breakpoint
alter table users add constraint users_password_check check (password_hash is not null or managed_by is not null);
--> statement-breakpoint
drop index users_email_key;
--> statement-breakpoint
create unique index users_email_key on users (lower(email)) where managed_by is null;
--> statement-breakpoint
create unique index users_managed_email_key on users (managed_by, lower(email)) where managed_by is not null;
--> statement-breakpoint
-- Members other than owners come in by the organization's identity providers only.
alter table organizations add column sso_required boolean not null default false;
--> statement-breakpoint
grant update (sso_required) on organizations to weconnect_tenant;
--> statement-breakpoint
create table sso_providers (
  id uuid primary key,
  organization_id uuid not null references organizations (id) on delete cascade,
  name text not null,
  -- What it calls itself; the one that counts is sealed with the secret, so that nobody can send that elsewhere beside the vault.
  issuer text not null,
  client_id text not null,
  -- Separated by spaces.
  scopes text not null,
  allowed_domains text not null,
  require_verified_email boolean not null,
  create_members boolean not null,
  default_role text not null check (default_role <> 'owner'),
  enabled boolean not null,
  version integer not null,
  key_id text not null,
  data_key bytea not null,
  secret bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
--> statement-breakpoint
create index sso_providers_organization_idx on sso_providers (organization_id, id desc);
--> statement-breakpoint
create index sso_providers_key_idx on sso_providers (key_id, id);
--> statement-breakpoint
-- Who somebody is at a provider: by issuer and subject (OpenID Connect Core, section 5.7), never by an address.
create table sso_identities (
  id uuid primary key,
  organization_id uuid not null,
  provider_id uuid not null references sso_providers (id) on delete cascade,
  user_id uuid not null,
  issuer text not null,
  subject text not null,
  email text,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  constraint sso_identities_subject_key unique (provider_id, issuer, subject),
  -- Ends with the membership.
  foreign key (organization_id, user_id) references memberships (organization_id, user_id) on delete cascade
);
--> statement-breakpoint
create index sso_identities_member_idx on sso_identities (organization_id, user_id);
--> statement-breakpoint
create index sso_identities_user_idx on sso_identities (user_id, id desc);
--> statement-breakpoint
-- A session that a provider vouched for ends with the identity, and at a time that no use moves.
alter table sessions add column identity_id uuid references sso_identities (id) on delete cascade, add column ends_at timestamptz;
--> statement-breakpoint
create index sessions_identity_idx on sessions (identity_id) where identity_id is not null;
--> statement-breakpoint
-- Sign-ins that a browser has begun. State and cookie are kept as hashes; nonce and code verifier are made from the state and lie nowhere.
create table sso_attempts (
  state_hash bytea primary key,
  organization_id uuid not null,
  provider_id uuid not null references sso_providers (id) on delete cascade,
  cookie_hash bytea not null,
  salt bytea not null,
  code_challenge text not null,
  return_to text,
  expires_at timestamptz not null
);
--> statement-breakpoint
create index sso_attempts_expiry_idx on sso_attempts (expires_at);
--> statement-breakpoint
create index sso_attempts_provider_idx on sso_attempts (provider_id);
--> statement-breakpoint
-- What a provider has said of somebody, for whoever has the code and the verifier of its challenge: once, within two minutes.
create table sso_codes (
  code_hash bytea primary key,
  organization_id uuid not null,
  provider_id uuid not null references sso_providers (id) on delete cascade,
  issuer text not null,
  subject text not null,
  email text,
  email_verified boolean not null,
  name text,
  code_challenge text not null,
  expires_at timestamptz not null
);
--> statement-breakpoint
create index sso_codes_expiry_idx on sso_codes (expires_at);
--> statement-breakpoint
create index sso_codes_provider_idx on sso_codes (provider_id);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['sso_providers', 'sso_identities', 'sso_attempts', 'sso_codes'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
grant select, insert, update, delete on sso_providers to weconnect_tenant;
--> statement-breakpoint
grant select on sso_identities to weconnect_tenant;

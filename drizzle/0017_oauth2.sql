-- The tokens that authorization servers gave for a credential: one row each, sealed like the credential. `version` rises with each
-- token. Whoever fetches the next one holds the row by `refreshing_by` until `refreshing_until`: of any number of processes
-- one asks the server, since a refresh token that is used twice is one that was stolen.
create table credential_tokens (
  credential_id uuid primary key,
  organization_id uuid not null,
  version integer not null,
  key_id text,
  data_key bytea,
  secret bytea,
  expires_at timestamptz,
  refreshing_by uuid,
  refreshing_until timestamptz,
  -- Why the server will give no more without somebody's consent.
  fault text,
  updated_at timestamptz not null default now(),
  foreign key (organization_id, credential_id) references credentials (organization_id, id) on delete cascade
);
--> statement-breakpoint
create index credential_tokens_organization_idx on credential_tokens (organization_id, credential_id);
--> statement-breakpoint
-- Authorizations that somebody has begun. The state is kept as its hash; the code verifier is made from the state and lies nowhere.
create table oauth2_authorizations (
  state_hash bytea primary key,
  organization_id uuid not null,
  credential_id uuid not null,
  -- Who may finish it: the session or the API key that began it, or the browser that was given the cookie.
  actor_type text not null,
  actor_id uuid not null,
  holder_id uuid not null,
  cookie_hash bytea not null,
  verifier_salt bytea not null,
  expires_at timestamptz not null,
  foreign key (organization_id, credential_id) references credentials (organization_id, id) on delete cascade
);
--> statement-breakpoint
create index oauth2_authorizations_expiry_idx on oauth2_authorizations (expires_at);
--> statement-breakpoint
create index oauth2_authorizations_credential_idx on oauth2_authorizations (organization_id, credential_id);
--> statement-breakpoint
-- Rotation of keys looks for what an older one wraps.
create index credentials_key_idx on credentials (key_id, id);
--> statement-breakpoint
create index credential_tokens_key_idx on credential_tokens (key_id, credential_id);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['credential_tokens', 'oauth2_authorizations'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
-- A request sees whether a credential is connected, and no more.
grant select (credential_id, organization_id, version, expires_at, fault, updated_at) on credential_tokens to weconnect_tenant;

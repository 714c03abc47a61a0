-- Roles that organizations define themselves, beside the built-in ones: names that memberships and invitations may have.
create table roles (
  id uuid not null,
  organization_id uuid not null references organizations (id) on delete cascade,
  name text not null check (name ~ '^[a-z][a-z0-9-]{0,49}$' and name not in ('owner', 'admin', 'editor', 'operator', 'viewer')),
  description text not null default '',
  permissions text[] not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, name)
);
--> statement-breakpoint
alter table roles enable row level security;
--> statement-breakpoint
create policy tenant on roles to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on roles to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select on roles to weconnect_tenant;
--> statement-breakpoint
grant select, insert, update, delete on roles to weconnect_service;
--> statement-breakpoint
-- A role that is no built-in one must be there as long as somebody holds it or is invited as it, whatever happens at once:
-- a foreign key on what is null for all others.
alter table memberships drop constraint memberships_role_check;
--> statement-breakpoint
alter table memberships add column custom_role text generated always as (
  case when role in ('owner', 'admin', 'editor', 'operator', 'viewer') then null else role end) stored;
--> statement-breakpoint
alter table memberships add constraint memberships_role_fkey foreign key (organization_id, custom_role) references roles (organization_id, name);
--> statement-breakpoint
create index memberships_custom_role_idx on memberships (organization_id, custom_role) where custom_role is not null;
--> statement-breakpoint
alter table invitations drop constraint invitations_role_check;
--> statement-breakpoint
alter table invitations add column custom_role text generated always as (
  case when role in ('owner', 'admin', 'editor', 'operator', 'viewer') or accepted_at is not null or revoked_at is not null then null else role end) stored;
--> statement-breakpoint
alter table invitations add constraint invitations_role_fkey foreign key (organization_id, custom_role) references roles (organization_id, name);
--> statement-breakpoint
create index invitations_custom_role_idx on invitations (organization_id, custom_role) where custom_role is not null;

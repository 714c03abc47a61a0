-- What a member may with one workflow or one credential beyond the role. Ends with the membership and with the resource.
create table resource_grants (
  organization_id uuid not null,
  user_id uuid not null,
  kind text not null check (kind in ('workflow', 'credential')),
  resource_id uuid not null,
  workflow_id uuid generated always as (case when kind = 'workflow' then resource_id end) stored,
  credential_id uuid generated always as (case when kind = 'credential' then resource_id end) stored,
  permissions text[] not null,
  granted_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id, resource_id),
  constraint resource_grants_member_fkey foreign key (organization_id, user_id) references memberships (organization_id, user_id) on delete cascade,
  constraint resource_grants_workflow_fkey foreign key (organization_id, workflow_id) references workflows (organization_id, id) on delete cascade,
  constraint resource_grants_credential_fkey foreign key (organization_id, credential_id) references credentials (organization_id, id) on delete cascade
);
--> statement-breakpoint
create index resource_grants_resource_idx on resource_grants (organization_id, resource_id, user_id);
--> statement-breakpoint
alter table resource_grants enable row level security;
--> statement-breakpoint
create policy tenant on resource_grants to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on resource_grants to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select on resource_grants to weconnect_tenant;
--> statement-breakpoint
grant select, insert, update, delete on resource_grants to weconnect_service;
--> statement-breakpoint
-- A request that comes in by grants alone sees what these name and nothing else of its kind: lists and look-ups alike, whatever
-- the query says. Null: not confined, which is everybody whose role holds what the route needs.
create function weconnect_granted (kind text) returns uuid[] language sql stable as
  $$ select string_to_array(nullif(current_setting('weconnect.granted_' || kind, true), ''), ',')::uuid[] $$;
--> statement-breakpoint
do $$
declare
  confined text[];
begin
  foreach confined slice 1 in array array[
    ['workflows', 'id', 'workflow'], ['workflow_versions', 'workflow_id', 'workflow'], ['executions', 'workflow_id', 'workflow'],
    ['execution_events', 'workflow_id', 'workflow'], ['webhook_endpoints', 'workflow_id', 'workflow'], ['schedules', 'workflow_id', 'workflow'],
    ['refused_deliveries', 'workflow_id', 'workflow'], ['credentials', 'id', 'credential']
  ] loop
    execute format('create policy granted on %I as restrictive to weconnect_tenant using ((select weconnect_granted(%L)) is null or %I = any ((select weconnect_granted(%L))::uuid[]))',
      confined[1], confined[3], confined[2], confined[3]);
  end loop;
end $$;
--> statement-breakpoint
-- A ticket of somebody who sees some workflows only opens a tail of those.
alter table tail_tickets add column workflow_ids uuid[];

-- Which of the packages that the operator allows an organization has enabled.
create table node_packages (
  organization_id uuid not null references organizations (id) on delete cascade,
  name text not null,
  enabled_by uuid references users (id) on delete set null,
  enabled_at timestamptz not null default now(),
  primary key (organization_id, name)
);
--> statement-breakpoint
-- Which of them the published version of a workflow uses: the reference keeps them from being disabled, whoever is first.
create table node_package_uses (
  organization_id uuid not null references organizations (id) on delete cascade,
  workflow_id uuid not null references workflows (id) on delete cascade,
  name text not null,
  primary key (workflow_id, name),
  -- No action, not restrict: an organization is deleted with everything in it.
  constraint node_package_uses_package_fkey foreign key (organization_id, name) references node_packages (organization_id, name) on delete no action
);
--> statement-breakpoint
create index node_package_uses_package_idx on node_package_uses (organization_id, name);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['node_packages', 'node_package_uses'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization())', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service', tenant_table);
    execute format('grant select, insert, delete on %I to weconnect_tenant', tenant_table);
  end loop;
end $$;

-- What the operator lets an organization have; null: without limit. The row without an organization is for all that have none of their own.
create table organization_quotas (
  organization_id uuid references organizations (id) on delete cascade,
  executions_per_month bigint check (executions_per_month >= 0),
  stored_bytes bigint check (stored_bytes >= 0),
  members integer check (members >= 1),
  requests_per_minute integer check (requests_per_minute >= 1),
  updated_at timestamptz not null default now(),
  constraint organization_quotas_organization_key unique nulls not distinct (organization_id)
);
--> statement-breakpoint
-- What was started in a month (UTC), and what a quota refused in it: added up by the processes each second.
create table organization_usage (
  organization_id uuid not null references organizations (id) on delete cascade,
  month date not null,
  executions bigint not null default 0,
  refused bigint not null default 0,
  primary key (organization_id, month)
);
--> statement-breakpoint
-- What an organization's files hold, and when that was added up last.
create table organization_storage (
  organization_id uuid primary key references organizations (id) on delete cascade,
  stored_bytes bigint not null,
  measured_at timestamptz not null
);
--> statement-breakpoint
create index files_organization_idx on files (organization_id) include (size);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['organization_quotas', 'organization_usage', 'organization_storage'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('create policy service on %I to weconnect_service using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to weconnect_service', tenant_table);
    -- Never more than that: an organization does not set what it may have.
    execute format('grant select on %I to weconnect_tenant', tenant_table);
  end loop;
  foreach tenant_table in array array['organization_usage', 'organization_storage'] loop
    execute format('create policy tenant on %I to weconnect_tenant using (organization_id = weconnect_organization())', tenant_table);
  end loop;
  create policy tenant on organization_quotas to weconnect_tenant using (organization_id is null or organization_id = weconnect_organization());
end $$;
--> statement-breakpoint
-- Members are counted where they are added, whoever adds them. The lock lets one at a time pass, and the count behind it, in a statement
-- of its own, sees what those before have added.
create function weconnect_member_quota () returns trigger language plpgsql as $$
declare
  most integer;
begin
  select q.members into most from organization_quotas q where q.organization_id = new.organization_id or q.organization_id is null order by q.organization_id nulls last limit 1;
  if most is null then return new; end if;
  perform from organizations where id = new.organization_id for no key update;
  if (select count(*) from memberships m where m.organization_id = new.organization_id) >= most then
    raise exception 'The organization has % members, as many as it may', most using errcode = 'check_violation', constraint = 'member_quota';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger member_quota before insert on memberships for each row execute function weconnect_member_quota();

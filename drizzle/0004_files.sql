-- Files of executions: binary data of items, and values too large for a row. The bytes are in the file storage.
-- A row for each execution that refers to a file: the bytes go when the last of them goes. The row comes before the first byte,
-- so nothing is in the storage that no row knows. No foreign keys: a row must outlive its execution until its bytes are gone.
create table files (
  id uuid not null,
  execution_id uuid not null,
  organization_id uuid not null,
  kind text not null check (kind in ('binary', 'values')),
  media_type text not null,
  name text,
  -- Bytes; null until they are all there.
  size bigint,
  -- When somebody must look at it: 24 hours after it was made, when its execution was deleted. Null: its execution stands.
  due_at timestamptz default now() + interval '24 hours',
  primary key (execution_id, id)
);
--> statement-breakpoint
create index files_id_idx on files (id);
--> statement-breakpoint
create index files_due_idx on files (due_at) where due_at is not null;
--> statement-breakpoint
alter table files enable row level security;
--> statement-breakpoint
create policy tenant on files to weconnect_tenant using (organization_id = weconnect_organization()) with check (organization_id = weconnect_organization());
--> statement-breakpoint
create policy service on files to weconnect_service using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on files to weconnect_service;
--> statement-breakpoint
grant select on files to weconnect_tenant;

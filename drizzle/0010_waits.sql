-- Mail that was read when its execution parked wakes it no more; it stays for a wait that is still to come.
alter table execution_inbox add column seen boolean not null default false;
--> statement-breakpoint
create index execution_inbox_unseen_idx on execution_inbox (execution_id) where not seen;

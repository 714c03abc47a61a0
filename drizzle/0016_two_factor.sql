-- Second factors: codes of an authenticator (RFC 6238), and codes to recover with. Global tables, reached only by the service role.
create table two_factor (
  user_id uuid primary key references users (id) on delete cascade,
  -- Sealed like stored credentials; opens for this user only.
  secret bytea not null,
  data_key bytea not null,
  key_id text not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  -- Null until a code proved that the authenticator has the secret: until then nobody is asked for one.
  confirmed_at timestamptz,
  -- The period of the last code that was taken: each works once.
  last_step bigint not null default 0,
  -- Wrong codes in a row, and until when none is looked at.
  failures integer not null default 0,
  locked_until timestamptz
);
--> statement-breakpoint
create table recovery_codes (
  user_id uuid not null references two_factor (user_id) on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);
--> statement-breakpoint
grant select, insert, update, delete on two_factor, recovery_codes to weconnect_service;

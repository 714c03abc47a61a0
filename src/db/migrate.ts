import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Sql } from './client.ts'

// Any constant that no one else uses as a key.
const MIGRATION_LOCK = 7_713_520_661

/** The migrations' folder, from src/db as well as from dist/db. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/**
 * Brings the database to the newest schema. Any number of processes may call it at once: one migrates,
 * the others wait. `owner` must be a client of a single connection, since the lock belongs to its session.
 */
export async function migrate (owner: Sql): Promise<void> {
  if (!existsSync(MIGRATIONS_FOLDER)) throw new Error(`The migrations are missing: no folder ${MIGRATIONS_FOLDER}`)
  if (await isNewest(owner)) return
  await owner`select pg_advisory_lock(${MIGRATION_LOCK})`
  try {
    await createRoles(owner)
    await applyMigrations(drizzle(owner), { migrationsFolder: MIGRATIONS_FOLDER })
  } finally {
    await owner`select pg_advisory_unlock(${MIGRATION_LOCK})`
  }
}

/** Whether there is nothing to do, which is so at almost every start: two queries instead of twenty. */
async function isNewest (owner: Sql): Promise<boolean> {
  const [found] = await owner<Array<{ roles: number, journal: string | null }>>`
    select (select count(*)::integer from pg_roles where rolname in ${owner(ROLES)} and pg_has_role(current_user, oid, 'member')) as roles,
      to_regclass('drizzle.__drizzle_migrations')::text as journal`
  if (found?.journal == null || found.roles < ROLES.length) return false
  // The migrator's own measure: what is younger than the newest one applied is still to be applied.
  const [applied] = await owner<Array<{ at: string | null }>>`select max(created_at)::text as at from drizzle.__drizzle_migrations`
  const { entries } = JSON.parse(await readFile(join(MIGRATIONS_FOLDER, 'meta', '_journal.json'), 'utf8')) as { entries: Array<{ when: number }> }
  return Number(applied?.at ?? 0) >= Math.max(...entries.map(entry => entry.when))
}

const ROLES = ['weconnect_none', 'weconnect_tenant', 'weconnect_service']

/** Roles belong to the cluster while advisory locks belong to one database: another may create them at the same moment. */
async function createRoles (owner: Sql): Promise<void> {
  for (const role of ROLES) {
    await owner.unsafe(`
      do $$ begin
        if not exists (select from pg_roles where rolname = '${role}') then create role ${role} nologin noinherit; end if;
      exception when duplicate_object or unique_violation then null;
      end $$`)
    await owner.unsafe(`
      do $$ begin
        if not pg_has_role(current_user, '${role}', 'member') then execute format('grant ${role} to %I', current_user); end if;
      exception when unique_violation then null;
      end $$`)
  }
}

import { sql as template } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import { lines } from './lines.ts'
import { firstRow } from './rows.ts'

/** `binary`: data of items, which clients may fetch; `values`: payloads and outputs that are too large for their rows. */
export type FileKind = 'binary' | 'values'

export interface FileRow {
  readonly id: string
  readonly executionId: string
  readonly organizationId: string
  readonly kind: FileKind
  readonly mediaType: string
  readonly name: string | null
  /** Bytes; null until they are all in the storage. */
  readonly size: number | null
}

/** Before the first byte is written. May be repeated. */
export async function insertFile (sql: Sql, file: FileRow): Promise<void> {
  await sql`
    insert into files (id, execution_id, organization_id, kind, media_type, name, size)
    values (${file.id}, ${file.executionId}, ${file.organizationId}, ${file.kind}, ${file.mediaType}, ${file.name}, ${file.size})
    on conflict do nothing`
}

export async function completeFile (sql: Sql, { id, executionId }: Pick<FileRow, 'id' | 'executionId'>, size: number): Promise<void> {
  await sql`update files set size = ${size} where execution_id = ${executionId} and id = ${id}`
}

export interface FoundFile extends Record<string, unknown> {
  readonly id: string
  readonly executionId: string
  readonly mediaType: string
  readonly name: string | null
  readonly size: number
}

/** A complete file of binary data. */
export async function findFile (db: Executor, organizationId: string, id: string): Promise<FoundFile | undefined> {
  const row = firstRow(await db.execute<FoundFile & { size: string }>(template`
    select id, execution_id as "executionId", media_type as "mediaType", name, size::text as size from files
    where id = ${id} and organization_id = ${organizationId} and kind = 'binary' and size is not null limit 1`))
  return row === undefined ? undefined : { ...row, size: Number(row.size) }
}

/**
 * Lets another execution refer to all files of one: their bytes stay until both are gone. May be repeated.
 * Files of an execution that was deleted are not among them.
 */
export async function shareFiles (sql: Sql, organizationId: string, from: string, to: string): Promise<void> {
  await sql`
    insert into files (id, execution_id, organization_id, kind, media_type, name, size)
    select id, ${to}, organization_id, kind, media_type, name, size from files
    where execution_id = ${from} and organization_id = ${organizationId} and size is not null and exists (select from executions where id = ${from})
    for share
    on conflict do nothing`
}

export interface DueFile {
  readonly id: string
  readonly executionId: string
  readonly organizationId: string
  /** Its execution stands, so it stays. */
  readonly wanted: boolean
  /** Another execution needs the bytes. */
  readonly shared: boolean
}

/** Files that somebody must look at: a day old, or of a deleted execution. */
export async function findDueFiles (sql: Sql, limit: number): Promise<DueFile[]> {
  return await sql<DueFile[]>`
    select f.id, f.execution_id as "executionId", f.organization_id as "organizationId",
      f.size is not null and exists (select from executions e where e.id = f.execution_id) as wanted,
      exists (
        select from files o where o.id = f.id and o.execution_id <> f.execution_id
          and (o.due_at is null or o.due_at > now() or exists (select from executions e where e.id = o.execution_id))
      ) as shared
    from files f where f.due_at <= now() order by f.due_at limit ${limit}`
}

export async function keepFiles (sql: Sql, files: readonly DueFile[]): Promise<void> {
  await sql`update files f set due_at = null from ${places(sql, files)} where f.execution_id = d.execution_id and f.id = d.id`
}

export async function dropFiles (sql: Sql, files: readonly DueFile[]): Promise<void> {
  await sql`delete from files f using ${places(sql, files)} where f.execution_id = d.execution_id and f.id = d.id and f.due_at <= now()`
}

function places (sql: Sql, files: readonly DueFile[]) {
  return sql`unnest(
      string_to_array(${lines(files, file => file.executionId)}, E'\n')::uuid[],
      string_to_array(${lines(files, file => file.id)}, E'\n')::uuid[]
    ) as d (execution_id, id)`
}

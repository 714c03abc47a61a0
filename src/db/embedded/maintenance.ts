import type { PGlite } from '@electric-sql/pglite'
import type { LogLevel } from './messages.ts'
import type { Scheduler } from './scheduler.ts'

const MIB = 1024 * 1024
/** A gap in the traffic, long enough that the next request is not already on its way. */
const IDLE_MS = 200
const CHECKPOINT_WAL_IDLE = 8 * MIB
/** Replaying 200 MiB made a start 2 s longer. */
const CHECKPOINT_WAL_ALWAYS = 128 * MIB
const CEILING_MS = 10 * 60_000
/** 100,000 rows took 0.6 s. */
const VACUUM_MS_PER_ROW = 0.006
/** What a request that comes at the wrong moment may have to wait. */
const LONGEST_SLICE_MS = 500
const ANALYZE_MS = 200
/** Far below the two thousand million at which PostgreSQL refuses to go on. */
const FREEZE_AGE = 1_000_000_000

interface Candidate {
  name: string
  rows: number
  dead: number
  fresh: number
  changed: number
  age: number
}

export interface MaintenanceOptions {
  db: PGlite
  scheduler: Scheduler
  intervalMs: number
  log: (level: LogLevel, message: string, data?: object) => void
}

/**
 * CHECKPOINT and VACUUM, which PGlite never does by itself. Each blocks every connection, so they wait for gaps, and a slice
 * may last a tenth of the gap that went before it; what bounds recovery time, bloat and transaction age is done at a
 * ceiling even when there is no gap.
 */
export class Maintenance {
  private readonly db: PGlite
  private readonly scheduler: Scheduler
  private readonly intervalMs: number
  private readonly log: MaintenanceOptions['log']
  private timer: NodeJS.Timeout | undefined
  private stopped = false
  private seenTurns = -1
  private checkpointLsn = '0/0'
  private checkpointAt = performance.now()
  private readonly dueSince = new Map<string, number>()

  constructor ({ db, scheduler, intervalMs, log }: MaintenanceOptions) {
    this.db = db
    this.scheduler = scheduler
    this.intervalMs = intervalMs
    this.log = log
  }

  start (): void {
    this.timer = setTimeout(() => {
      this.tick().catch((error: unknown) => {
        this.log('error', 'Maintenance of the embedded database failed', { error: String(error) })
      }).finally(() => { if (!this.stopped) this.start() })
    }, this.intervalMs)
  }

  stop (): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private async tick (): Promise<void> {
    if (this.scheduler.turns === this.seenTurns && this.dueSince.size === 0) return
    const idleMs = this.scheduler.idleMs
    this.seenTurns = this.scheduler.turns
    await this.scheduler.runExclusive(async () => {
      if (await this.checkpoint(idleMs)) return
      await this.vacuum(idleMs)
    })
  }

  private async checkpoint (idleMs: number): Promise<boolean> {
    const { rows: [wal] } = await this.db.query<{ lsn: string, bytes: number }>(
      'select pg_current_wal_insert_lsn()::text as lsn, (pg_current_wal_insert_lsn() - $1::pg_lsn)::float8 as bytes', [this.checkpointLsn])
    if (wal === undefined) return false
    if (this.checkpointLsn === '0/0') {
      this.checkpointLsn = wal.lsn
      return false
    }
    const overdue = performance.now() - this.checkpointAt > CEILING_MS && wal.bytes > MIB
    const due = wal.bytes > CHECKPOINT_WAL_ALWAYS || overdue || (idleMs >= IDLE_MS && wal.bytes > CHECKPOINT_WAL_IDLE)
    if (!due) return false
    const started = performance.now()
    await this.db.exec('checkpoint')
    this.checkpointAt = performance.now()
    this.checkpointLsn = wal.lsn
    this.log('info', 'Checkpoint of the embedded database', { walMiB: Math.round(wal.bytes / MIB), ms: Math.round(this.checkpointAt - started) })
    return true
  }

  private async vacuum (idleMs: number): Promise<void> {
    const candidates = (await this.db.query<Candidate>(CANDIDATES)).rows
    this.noteDue(candidates)
    for (const table of candidates) {
      const work = this.workOn(table, idleMs)
      if (work === undefined) continue
      const started = performance.now()
      await this.db.exec(`${work} ${table.name}`)
      this.dueSince.delete(table.name)
      return this.log('info', 'Maintenance of the embedded database', { work, table: table.name, ms: Math.round(performance.now() - started) })
    }
  }

  private noteDue (candidates: Candidate[]): void {
    const names = new Set(candidates.map(table => table.name))
    for (const name of this.dueSince.keys()) if (!names.has(name)) this.dueSince.delete(name)
    for (const name of names) if (!this.dueSince.has(name)) this.dueSince.set(name, performance.now())
  }

  private workOn (table: Candidate, idleMs: number): 'vacuum (analyze)' | 'analyze' | undefined {
    if (table.age > FREEZE_AGE) return 'vacuum (analyze)'
    const overdue = performance.now() - (this.dueSince.get(table.name) ?? Infinity) > CEILING_MS
    const sliceMs = (table.dead + table.fresh) * VACUUM_MS_PER_ROW
    const mayLastMs = Math.min(idleMs / 10, idleMs > CEILING_MS ? Infinity : LONGEST_SLICE_MS)
    if (idleMs >= IDLE_MS && sliceMs <= mayLastMs) return 'vacuum (analyze)'
    // Rows that were only inserted can wait for ever; dead ones slow every reader of the table.
    if (overdue && table.dead > 0.2 * table.rows) return 'vacuum (analyze)'
    // A sample of fixed size, whatever the table's.
    const mayAnalyze = overdue || idleMs / 10 >= ANALYZE_MS
    return mayAnalyze && table.changed > 50 + 0.1 * table.rows ? 'analyze' : undefined
  }
}

/** Autovacuum's own thresholds, cheapest first. */
const CANDIDATES = `
  select format('%I.%I', s.schemaname, s.relname) as name, s.n_live_tup::float8 as rows, s.n_dead_tup::float8 as dead,
    s.n_ins_since_vacuum::float8 as fresh, s.n_mod_since_analyze::float8 as changed, age(c.relfrozenxid)::float8 as age
  from pg_stat_all_tables s join pg_class c on c.oid = s.relid
  where s.schemaname <> 'pg_toast' and c.relkind in ('r', 'm') and (
    s.n_dead_tup > 50 + 0.2 * s.n_live_tup or s.n_ins_since_vacuum > 1000 + 0.2 * s.n_live_tup
    or s.n_mod_since_analyze > 50 + 0.1 * s.n_live_tup or age(c.relfrozenxid) > ${FREEZE_AGE})
  order by age(c.relfrozenxid) > ${FREEZE_AGE} desc, s.n_dead_tup + s.n_ins_since_vacuum
  limit 20`

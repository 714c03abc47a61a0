import { appendEvents, findWriters, type Affected, type Segment } from '../../db/queries/append-events.ts'
import type { Sql } from '../../db/client.ts'
import { classifyFailure } from '../../db/failure.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { GroupCommit } from '../../lib/group-commit.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { Metrics } from '../metrics.ts'

/**
 * `written`; `refused`: another runner owns the execution; `blocked`: nothing stands there, but a message
 * (a cancel) must be read first, or the lease is another's.
 */
export type AppendResult = 'written' | 'refused' | 'blocked'

export interface EventWriter {
  append (segment: Segment): Promise<AppendResult>
  readonly backlog: number
  drained (): Promise<void>
}

export interface EventWriterOptions {
  /** Whether an organization may have subscriptions to the ends of its executions. */
  readonly isSubscribed: (organizationId: string) => boolean
  /** The outbox has got something. */
  readonly onAnnounced: () => void
  readonly sql: Sql
  readonly hints: HintBus
  readonly metrics: Metrics
  readonly leaseSeconds: number
  readonly statements: number
  /** Parked executions that have mail: somebody should take them up at once. */
  readonly onDue: (execution: Affected) => void
  /** Executions that the segments have started. */
  readonly onStarted: (executions: readonly Affected[]) => void
}

/** How long an append is repeated while the database is away; then the lease is long gone and another takes over. */
const PATIENCE = 120_000
const STATEMENT_DEADLINE = 15_000
/** Larger segments are not carried by hints: who watches reads them. */
const INLINE_LIMIT = 8 * 1024
/** Columns beside the events. */
const ROW_OVERHEAD = 200

/** Appends the segments of all executions of this process, many in a statement. */
export function createEventWriter ({ sql, hints, metrics, leaseSeconds, statements, isSubscribed, onAnnounced, onDue, onStarted }: EventWriterOptions): EventWriter {
  async function commit (segments: readonly Segment[]): Promise<AppendResult[]> {
    if (!segments.some(isRepeated)) return await commitDistinct(segments)
    const results = new Map<Segment, AppendResult>()
    for (const round of [segments.filter((...at) => !isRepeated(...at)), segments.filter(isRepeated)]) {
      const written = await (round.some(isRepeated) ? commit(round) : commitDistinct(round))
      round.forEach((segment, index) => results.set(segment, written[index]!))
    }
    return segments.map(segment => results.get(segment)!)
  }

  async function commitDistinct (segments: readonly Segment[]): Promise<AppendResult[]> {
    const { inserted, due, mail, started } = await withDeadline(STATEMENT_DEADLINE, appendEvents(sql, segments, leaseSeconds))
    const missing = segments.filter(segment => !inserted.has(segment.executionId))
    // Our own row may stand there already, from a statement whose answer was lost with its connection.
    const writers = missing.length === 0 ? undefined : await withDeadline(STATEMENT_DEADLINE, findWriters(sql, missing))
    const results = segments.map((segment): AppendResult => {
      if (inserted.has(segment.executionId)) return 'written'
      const writer = writers?.get(segment.executionId)
      if (writer === segment.writer) return 'written'
      return writer === undefined ? 'blocked' : 'refused'
    })
    hints.publish(segments.filter((_, index) => results[index] === 'written').map(toHint))
    for (const one of due) onDue(one)
    for (const { executionId } of mail) hints.control({ type: 'mail', executionId })
    if (started.length > 0) onStarted(started)
    if (segments.some(({ announced }) => announced === true)) onAnnounced()
    metrics.segments.inc(segments.length)
    const refused = results.filter(result => result === 'refused').length
    if (refused > 0) metrics.refusedAppends.inc(refused)
    return results
  }

  const group = new GroupCommit<Segment, AppendResult>({
    commit,
    classify: classifyFailure,
    sizeOf,
    keyOf: segment => segment.executionId,
    maxInFlight: statements,
    patience: PATIENCE
  })
  return {
    append: segment => group.add(segment.status !== '' && isSubscribed(segment.organizationId) ? { ...segment, announced: true } : segment),
    get backlog () { return group.backlog.rows },
    drained: async () => { await group.drained() }
  }
}

function sizeOf ({ events, consequences }: Segment): number {
  const size = events.length + ROW_OVERHEAD
  if (consequences?.children === undefined) return size
  return consequences.children.reduce((sum, { payload }) => sum + payload.length + ROW_OVERHEAD, size)
}

/**
 * Whether the segment before is of the same execution (they are sorted by it): a run that lost its execution left one in
 * the line, and its successor in this process has one behind it. Only one of them is to be written, so they go one by one.
 */
function isRepeated (segment: Segment, index: number, segments: readonly Segment[]): boolean {
  return segments[index - 1]?.executionId === segment.executionId
}

function toHint ({ organizationId, workflowId, executionId, seq, lastSeq, status, events }: Segment) {
  return { organizationId, workflowId, executionId, seq, lastSeq, status, events: events.length <= INLINE_LIMIT ? events : undefined }
}

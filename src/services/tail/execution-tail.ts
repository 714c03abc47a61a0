import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { readExecutions, type WantedRow } from '../../db/queries/tail.ts'
import { groupBy } from '../../lib/group-by.ts'
import type { Problem } from '../../lib/problem.ts'
import type { SegmentHint } from '../../queue/hint-bus.ts'
import { NotFound } from '../problems.ts'
import { seqAfter } from './cursor.ts'
import { CursorInvalid } from './problems.ts'
import { queuedSegment, tailSegment, type TailSegment } from './segment.ts'
import type { Subscription, TailSink } from './sink.ts'

export interface ExecutionScope {
  readonly organizationId: string
  readonly executionId: string
  /** The `seq` (or the cursor) of the last event that is known already; null: none. */
  readonly after: number | string | null
  /** Of which workflows it may be; null: of any. */
  readonly workflows?: ReadonlySet<string> | null
}

interface Follow {
  readonly organizationId: string
  readonly executionId: string
  readonly workflows: ReadonlySet<string> | null
  readonly sink: TailSink
  next: number
  state: 'opening' | 'open' | 'paused' | 'closed'
  /** When it last heard of its execution, milliseconds since the epoch. */
  heardAt: number
}

/** Readers that one query serves. */
const READ_BATCH = 100
/** One that heard something this short a while ago, in milliseconds, is not polled for. */
const QUIET = 500

export interface ExecutionTail {
  /** Throws CursorInvalid. */
  follow (scope: ExecutionScope, sink: TailSink): Subscription
  onHint (hint: SegmentHint): void
  /** Looks for what lost hints should have told. */
  poll (): void
  readonly size: number
  close (): void
}

/**
 * Single executions: hints are delivered as they come while they fit; whatever they leave out is read from the
 * table, many executions in a query.
 */
export function createExecutionTail ({ sql, now, log }: { sql: Sql, now: () => number, log: Logger }): ExecutionTail {
  const follows = new Map<string, Set<Follow>>()
  const wanted = new Set<Follow>()
  let reading = false

  function onHint (hint: SegmentHint): void {
    const readers = follows.get(hint.executionId)
    if (readers === undefined) return
    const segment = hint.events === undefined ? undefined : tailSegment({ ...hint, xid: 0, events: hint.events })
    for (const follow of [...readers]) {
      if (follow.state === 'paused' || hint.lastSeq < follow.next) continue
      follow.heardAt = now()
      if (follow.state === 'open' && segment !== undefined && segment.seq <= follow.next) deliver(follow, segment)
      else want(follow)
    }
  }

  function deliver (follow: Follow, segment: TailSegment): void {
    for (const event of segment.events) {
      if (event.seq < follow.next) continue
      if (follow.state === 'closed') return
      follow.next = event.seq + 1
      follow.sink.event(event)
    }
    if (segment.status !== '') finish(follow)
  }

  function finish (follow: Follow): void {
    if (close(follow)) follow.sink.end()
  }

  function close (follow: Follow): boolean {
    if (follow.state === 'closed') return false
    follow.state = 'closed'
    wanted.delete(follow)
    const readers = follows.get(follow.executionId)
    readers?.delete(follow)
    if (readers?.size === 0) follows.delete(follow.executionId)
    return true
  }

  function want (follow: Follow): void {
    wanted.add(follow)
    if (reading) return
    reading = true
    void readWanted()
  }

  async function readWanted (): Promise<void> {
    // Those that ask in the same turn share the query.
    await Promise.resolve()
    while (wanted.size > 0) {
      const batch = [...groupBy(wanted, follow => `${follow.executionId} ${follow.organizationId} ${follow.next}`).values()].slice(0, READ_BATCH)
      for (const follow of batch.flat()) wanted.delete(follow)
      try {
        const rows = groupBy(await readExecutions(sql, batch.map(([first]) => first!)), row => row.n)
        batch.forEach((readers, index) => { receive(readers, rows.get(index + 1) ?? []) })
      } catch (error) {
        log.warn({ err: error }, 'Events of followed executions could not be read; it is tried again each second')
        break
      }
    }
    reading = false
  }

  function receive (readers: readonly Follow[], rows: readonly WantedRow[]): void {
    const executionId = readers[0]!.executionId
    const [row] = rows
    const accepted = row === undefined || row.version === null
      ? undefined
      : queuedSegment({ executionId, workflowId: row.workflowId!, version: row.version, trigger: row.trigger!, xid: 0 })
    const segments = rows.flatMap(({ seq, lastSeq, status, events }) =>
      seq === null ? [] : [tailSegment({ executionId, seq, lastSeq: lastSeq!, status: status ?? '', events: events!, xid: 0 })])
    for (const follow of readers) {
      if (follow.state === 'closed') continue
      if (accepted === undefined || follow.workflows?.has(row!.workflowId!) === false) refuse(follow, NotFound('execution with this id'))
      else advance(follow, [accepted, ...segments], { lastSeq: row!.tableLastSeq ?? 1, over: row!.tableStatus !== null })
    }
  }

  function refuse (follow: Follow, problem: Problem): void {
    if (close(follow)) follow.sink.fail(problem)
  }

  function advance (follow: Follow, segments: readonly TailSegment[], table: { lastSeq: number, over: boolean }): void {
    if (follow.state === 'opening') {
      if (follow.next > table.lastSeq + 1) return refuse(follow, CursorInvalid('This execution has no event with that seq yet.'))
      follow.state = 'open'
      follow.sink.open()
    }
    for (const segment of segments) {
      if (follow.state !== 'open') return
      if (segment.seq > follow.next || segment.lastSeq < follow.next) continue
      deliver(follow, segment)
      if (follow.sink.congested) pause(follow)
    }
    if (follow.state !== 'open') return
    if (follow.next <= table.lastSeq) want(follow)
    else if (table.over && follow.next === table.lastSeq + 1) finish(follow)
  }

  /** A reader gets history at its own pace. */
  function pause (follow: Follow): void {
    if (follow.state !== 'open') return
    follow.state = 'paused'
    void follow.sink.drained().then(() => {
      if (follow.state !== 'paused') return
      follow.state = 'open'
      want(follow)
    })
  }

  return {
    follow ({ organizationId, executionId, after, workflows = null }, sink) {
      const follow: Follow = { organizationId, executionId, workflows, sink, next: seqAfter(executionId, after) + 1, state: 'opening', heardAt: now() }
      const readers = follows.get(executionId) ?? new Set()
      readers.add(follow)
      follows.set(executionId, readers)
      want(follow)
      return {
        get position () { return follow.next === 1 ? null : follow.next - 1 },
        close: () => { close(follow) }
      }
    },
    onHint,
    poll () {
      const before = now() - QUIET
      for (const readers of follows.values()) {
        for (const follow of readers) {
          if (follow.state !== 'paused' && follow.heardAt <= before) want(follow)
        }
      }
    },
    get size () { return follows.size },
    close () {
      for (const readers of follows.values()) for (const follow of readers) follow.state = 'closed'
      follows.clear()
      wanted.clear()
    }
  }
}

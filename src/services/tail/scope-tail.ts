import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { startOfScope, type Snapshot } from '../../db/queries/tail.ts'
import { readScope, type ScopeRow } from '../../db/queries/tail-scope.ts'
import type { Problem } from '../../lib/problem.ts'
import { NotFound } from '../problems.ts'
import { beginningOf, decodeCursor, encodeCursor, isAfter, type Position } from './cursor.ts'
import { createLiveReader } from './live-reader.ts'
import { CursorInvalid } from './problems.ts'
import { FIRST_WINDOW, nextWindow } from './read-window.ts'
import { queuedSegment, tailSegment, type TailSegment } from './segment.ts'
import type { Subscription, TailSink } from './sink.ts'

export interface WideScope {
  readonly organizationId: string
  /** Null: all workflows of the organization. */
  readonly workflowId: string | null
  /** The cursor of the last event that is known already; null: from now on. */
  readonly cursor: string | null
}

interface Follow {
  readonly organizationId: string
  readonly workflowId: string | null
  readonly sink: TailSink
  position: Position | undefined
  /** What had ended when it began is not for it. */
  since: Snapshot | undefined
  closed: boolean
}

export interface ScopeTail {
  /** Throws CursorInvalid. */
  follow (scope: WideScope, sink: TailSink): Subscription
  /** Something was committed in this organization, which is to be read within so many milliseconds. */
  nudge (organizationId: string, within: number): void
  poll (): void
  readonly size: number
  close (): void
}

const RETRY_AFTER = 1000

/**
 * Workflows and organizations. One reader serves all who are up to date, reading what is new for all their organizations
 * at once; whoever comes with an older cursor reads alone, page by page, until it has caught up with it.
 */
export function createScopeTail ({ sql, log }: { sql: Sql, log: Logger }): ScopeTail {
  const open = new Map<string, Set<Follow>>()
  const live = new Map<string, Set<Follow>>()
  const reader = createLiveReader({ sql, log, organizations: () => open.keys(), onRow: dispatch })

  function dispatch (row: ScopeRow): void {
    let segment: TailSegment | undefined
    for (const follow of [...live.get(row.organizationId) ?? []]) {
      if (follow.workflowId === null || follow.workflowId === row.workflowId) deliver(follow, row, (segment ??= segmentOf(row)))
    }
  }

  function deliver (follow: Follow, { xid, executionId, lastSeq }: ScopeRow, segment: TailSegment): void {
    const end = { xid, executionId, seq: lastSeq }
    if (follow.position !== undefined && !isAfter(end, follow.position)) return
    if (follow.since === undefined || !hadEnded(follow.since, xid)) {
      for (const event of segment.events) {
        if (follow.closed) return
        const position = { xid, executionId, seq: event.seq }
        if (follow.position !== undefined && !isAfter(position, follow.position)) continue
        follow.position = position
        follow.sink.event(event)
      }
    }
    follow.position = end
  }

  async function begin (follow: Follow, cursor: Position | null): Promise<void> {
    const present = await startOfScope(sql, follow.organizationId, follow.workflowId)
    if (follow.closed) return
    if (present === undefined) return refuse(follow, NotFound('workflow with this id'))
    if (cursor !== null && isAfter(cursor, beginningOf(present.xmin))) return refuse(follow, CursorInvalid('This cursor is of a time to come.'))
    if (cursor === null) follow.since = present
    follow.position = cursor ?? beginningOf(present.xmin)
    reader.start(beginningOf(present.xmin))
    follow.sink.open()
    await catchUp(follow)
  }

  async function catchUp (follow: Follow): Promise<void> {
    let window = FIRST_WINDOW
    while (!follow.closed) {
      if (reader.covers(follow.organizationId, follow.position!)) {
        add(live, follow)
        return
      }
      const startedAt = performance.now()
      const page = await readScope(sql, { organizationIds: [follow.organizationId], workflowId: follow.workflowId, after: follow.position!, window })
      window = nextWindow(window, performance.now() - startedAt, page.cut)
      for (const row of page.rows) deliver(follow, row, segmentOf(row))
      if (!page.cut && !follow.closed) follow.position = beginningOf(page.horizon)
      if (follow.sink.congested && !follow.closed) await follow.sink.drained()
    }
  }

  function refuse (follow: Follow, problem: Problem): void {
    if (follow.closed) return
    close(follow)
    follow.sink.fail(problem)
  }

  function close (follow: Follow): void {
    follow.closed = true
    remove(live, follow)
    remove(open, follow)
    if (open.size === 0) reader.stop()
  }

  async function run (follow: Follow, cursor: Position | null): Promise<void> {
    while (!follow.closed) {
      try {
        if (follow.position === undefined) await begin(follow, cursor)
        else await catchUp(follow)
        return
      } catch (error) {
        log.warn({ err: error }, 'Events of a followed organization could not be read; it is tried again each second')
        await new Promise(resolve => setTimeout(resolve, RETRY_AFTER).unref())
      }
    }
  }

  return {
    follow ({ organizationId, workflowId, cursor }, sink) {
      const position = cursor === null ? null : decodeCursor(cursor)
      if (position?.xid === 0) throw CursorInvalid('The cursor belongs to the tail of one execution.')
      const follow: Follow = { organizationId, workflowId, sink, position: undefined, since: undefined, closed: false }
      add(open, follow)
      void run(follow, position)
      return {
        get position () { return follow.position === undefined ? cursor : encodeCursor(follow.position) },
        close: () => { close(follow) }
      }
    },
    nudge (organizationId, within) {
      if (open.has(organizationId)) reader.nudge(within)
    },
    poll: reader.poll,
    get size () { return open.size },
    close () {
      for (const follows of open.values()) for (const follow of follows) follow.closed = true
      open.clear()
      live.clear()
      reader.stop()
    }
  }
}

function hadEnded ({ xmax, running }: Snapshot, xid: number): boolean {
  return xid < xmax && !running.has(xid)
}

function segmentOf ({ events, version, trigger, ...row }: ScopeRow): TailSegment {
  return events === null ? queuedSegment({ ...row, version: version!, trigger: trigger! }) : tailSegment({ ...row, events })
}

function add (index: Map<string, Set<Follow>>, follow: Follow): void {
  const follows = index.get(follow.organizationId) ?? new Set()
  follows.add(follow)
  index.set(follow.organizationId, follows)
}

function remove (index: Map<string, Set<Follow>>, follow: Follow): void {
  const follows = index.get(follow.organizationId)
  if (follows?.delete(follow) === true && follows.size === 0) index.delete(follow.organizationId)
}

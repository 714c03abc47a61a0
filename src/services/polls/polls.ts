import type { JsonObject } from '../../engine/item.ts'
import { NodeError, type StepError } from '../../engine/node-error.ts'
import { MAX_CURSOR } from '../../engine/poll/compile.ts'
import { findSeenKeys } from '../../db/queries/run-polls.ts'
import { findPoll, findPollCursor, hurryPoll, listPolls, pausePoll, resetPoll, type PollRow } from '../../db/queries/polls.ts'
import { findWorkflow } from '../../db/queries/workflows.ts'
import type { TenantDb } from '../../db/client.ts'
import { answered } from '../../lib/deadline.ts'
import { auditEntry, type Caller } from '../workflows/dependencies.ts'
import type { Plans } from '../plans.ts'
import { Conflict, InvalidInput, NotFound, Overloaded } from '../problems.ts'
import { ticksOfRow, upcoming } from '../schedules/schedules.ts'
import { perform, type PollReach } from './perform.ts'

/** What a poll would find now. */
export interface PollTest {
  readonly items: JsonObject[]
  readonly total: number
  readonly new: number
  readonly cursor: unknown
  readonly error: StepError | null
}

export interface PollTestRequest {
  readonly workflowId: string
  readonly nodeId: string
  /** The newest, unless named. */
  readonly version: number | undefined
  /** That of the trigger, unless given. */
  readonly cursor: unknown
}

export interface Polls {
  list (db: TenantDb, workflowId: string | undefined, limit: number, before: string | undefined): Promise<PollRow[]>
  get (db: TenantDb, id: string): Promise<PollRow>
  pause (caller: Caller, id: string): Promise<PollRow>
  /** Goes on with the next tick from now. */
  resume (caller: Caller, id: string): Promise<PollRow>
  /** Polls as soon as a worker comes to it. */
  run (caller: Caller, id: string): Promise<PollRow>
  /** Begins anew, at a cursor or without one. */
  reset (caller: Caller, id: string, cursor: unknown): Promise<PollRow>
  /** Asks once, of a saved version, and changes and starts nothing. */
  test (db: TenantDb, request: PollTestRequest): Promise<PollTest>
}

export interface PollDependencies extends PollReach {
  readonly plans: Plans
  readonly nextId: () => string
}

const MOST_TESTS = 10
/** A client is waiting. milliseconds */
const TEST_DEADLINE = 60_000
const MOST_SHOWN = 100

export function createPolls (deps: PollDependencies): Polls {
  const { sql, plans, nextId, now } = deps
  let testing = 0

  async function get (db: TenantDb, id: string): Promise<PollRow> {
    const row = await db.run(async tx => await findPoll(tx, db.organizationId, id))
    if (row === undefined) throw NotFound('poll with this id')
    return row
  }

  async function setPaused (caller: Caller, id: string, paused: boolean): Promise<PollRow> {
    const { db } = caller
    const row = await get(db, id)
    const audit = auditEntry({ nextId }, caller, { action: paused ? 'poll.paused' : 'poll.resumed', targetType: 'poll', targetId: id })
    await db.run(async tx => { await pausePoll(tx, db.organizationId, id, paused, paused ? null : upcoming(ticksOfRow(row), now()), audit) })
    return await get(db, id)
  }

  async function test (db: TenantDb, { workflowId, nodeId, version, cursor }: PollTestRequest, signal: AbortSignal): Promise<PollTest> {
    const { organizationId } = db
    const workflow = await db.run(async tx => await findWorkflow(tx, organizationId, workflowId))
    if (workflow === undefined) throw NotFound('workflow with this id')
    const plan = await plans.get(organizationId, workflow.id, version ?? workflow.version)
    if (plan === undefined) throw NotFound(`version ${version} of this workflow`)
    const node = plan.byId.get(nodeId)
    if (node?.type.type !== 'poll') throw NotFound(`node ${JSON.stringify(nodeId)} of the type poll in version ${plan.version} of this workflow`)
    const stored = cursor === undefined ? await db.run(async tx => await findPollCursor(tx, organizationId, workflow.id, nodeId)) : undefined
    const performed = await perform(deps, { organizationId, plan, node, cursor: cursor ?? stored?.cursor, idempotencyKey: `test:${nextId()}`, signal })
    if ('error' in performed) return { items: [], total: 0, new: 0, cursor: null, error: performed.error }
    const { findings: { items, cursor: reached }, hashes } = performed
    const known = new Set(await answered(findSeenKeys(sql, organizationId, workflow.id, nodeId, [...new Set(hashes.filter(hash => hash !== null))])))
    const fresh = hashes.filter(hash => hash === null || (!known.has(hash) && known.add(hash))).length
    return { items: items.slice(0, MOST_SHOWN), total: items.length, new: fresh, cursor: reached ?? cursor ?? stored?.cursor ?? null, error: null }
  }

  return {
    get,
    list: async (db, workflowId, limit, before) => await db.run(async tx => await listPolls(tx, db.organizationId, workflowId, limit, before)),
    pause: async (caller, id) => await setPaused(caller, id, true),
    resume: async (caller, id) => await setPaused(caller, id, false),
    async run (caller, id) {
      const { db } = caller
      const { version, pausedAt } = await get(db, id)
      if (version === null) throw Conflict('The workflow is not published in a version with this node, so nothing polls. Publish it.')
      if (pausedAt !== null) throw Conflict('The poll is paused. Resume it.')
      await db.run(async tx => { await hurryPoll(tx, db.organizationId, id, auditEntry({ nextId }, caller, { action: 'poll.hurried', targetType: 'poll', targetId: id })) })
      return await get(db, id)
    },
    async reset (caller, id, cursor) {
      const { db } = caller
      const before = await get(db, id)
      const text = cursor === undefined || cursor === null ? null : JSON.stringify(cursor)
      if (text !== null && text.length > MAX_CURSOR) throw InvalidInput([{ pointer: '/cursor', message: `at most ${MAX_CURSOR} characters of JSON`, code: 'WC_POLL_CURSOR' }])
      const audit = auditEntry({ nextId }, caller, { action: 'poll.reset', targetType: 'poll', targetId: id, before: { cursor: before.cursor }, after: { cursor: cursor ?? null } })
      await db.run(async tx => { await resetPoll(tx, db.organizationId, id, text, audit) })
      return await get(db, id)
    },
    async test (db, request) {
      if (testing >= MOST_TESTS) throw Overloaded(1)
      testing++
      const late = new AbortController()
      const timer = setTimeout(() => { late.abort(new NodeError('WC_POLL_TIMEOUT', `No answer within ${TEST_DEADLINE} ms`)) }, TEST_DEADLINE)
      try {
        return await test(db, request, late.signal)
      } catch (error) {
        if (error !== late.signal.reason) throw error
        return { items: [], total: 0, new: 0, cursor: null, error: (error as NodeError).toStepError() }
      } finally {
        clearTimeout(timer)
        testing--
      }
    }
  }
}

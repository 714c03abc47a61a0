import type { Logger } from 'pino'
import type { Sql } from '../../../src/db/client.ts'
import { appendEvents } from '../../../src/db/queries/append-events.ts'
import { terminalStatusOf, type Event } from '../../../src/engine/events.ts'
import { encodeEvents } from '../../../src/engine/stored-events.ts'
import { createIdSource } from '../../../src/lib/ids.ts'
import type { Problem } from '../../../src/lib/problem.ts'
import type { SegmentHint } from '../../../src/queue/hint-bus.ts'
import { createLog } from '../../../src/log.ts'
import type { TailEvent, TailSink } from '../../../src/services/tail/index.ts'

export const nextId = createIdSource(() => Date.now())
export const silentLog: Logger = createLog('silent')

export interface Started {
  readonly executionId: string
  readonly organizationId: string
  readonly workflowId: string
}

/** An accepted execution, as the acceptance statement writes it. */
export async function accept (sql: Sql, organizationId: string, workflowId: string): Promise<Started> {
  const executionId = nextId()
  await sql`insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload) values (${executionId}, ${organizationId}, ${workflowId}, 3, 'in', 'webhook', '{}'::json)`
  return { executionId, organizationId, workflowId }
}

/** Commits a segment through the fence, and gives the hint that tells of it. */
export async function append (sql: Sql, started: Started, seq: number, events: readonly Event[], writer: string): Promise<SegmentHint> {
  const text = encodeEvents(events)
  const status = terminalStatusOf(events.at(-1)!) ?? ''
  const lastSeq = seq + events.length - 1
  const { inserted } = await appendEvents(sql, [{
    ...started, seq, lastSeq, writer, firstAt: Date.now(), lastAt: Date.now(), status, events: text, lease: { kind: 'none' }, logs: []
  }], 10)
  if (inserted.size !== 1) throw new Error(`segment ${seq} was refused`)
  return { ...started, seq, lastSeq, status, events: text }
}

/** Segments of an execution with that many steps, one to a few events each, the last one terminal. */
export function segmentsOf (steps: number, perSegment = 2): Event[][] {
  const events: Event[] = [{ type: 'execution.started', at: Date.now() }]
  for (let index = 0; index < steps; index++) {
    const key = { nodeId: `n${index}`, run: 0, attempt: 1, at: Date.now() }
    events.push({ type: 'step.started', ...key }, { type: 'step.succeeded', ...key, outputs: { main: [{ json: { index } }] } })
  }
  events.push({ type: 'execution.succeeded', at: Date.now() })
  const segments: Event[][] = []
  for (let index = 0; index < events.length; index += perSegment) segments.push(events.slice(index, index + perSegment))
  return segments
}

export async function runWhole (sql: Sql, started: Started, segments: readonly Event[][], onHint: (hint: SegmentHint) => void | Promise<void> = () => {}): Promise<void> {
  let seq = 2
  const writer = nextId()
  for (const events of segments) {
    await onHint(await append(sql, started, seq, events, writer))
    seq += events.length
  }
}

/** Remembers what it got. */
export class Collector implements TailSink {
  readonly events: TailEvent[] = []
  opened = false
  ended = false
  problem: Problem | undefined
  readonly congested = false
  #changed: Array<() => void> = []

  open (): void { this.opened = true; this.#tell() }
  event (event: TailEvent): void { this.events.push(event); this.#tell() }
  end (): void { this.ended = true; this.#tell() }
  fail (problem: Problem): void { this.problem = problem; this.#tell() }
  async drained (): Promise<void> {}

  get seqs (): number[] { return this.events.map(event => event.seq) }
  get keys (): string[] { return this.events.map(event => `${event.executionId} ${event.seq}`) }

  /** Resolves once the condition holds. */
  async until (condition: (collector: this) => boolean, milliseconds = 60_000): Promise<void> {
    const deadline = Date.now() + milliseconds
    while (!condition(this)) {
      if (Date.now() > deadline) throw new Error(`waited in vain, with ${this.events.length} events: ${condition.toString()}`)
      await new Promise<void>(resolve => { this.#changed.push(resolve); setTimeout(resolve, 50) })
    }
  }

  #tell (): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }
}

import type { Event } from '../../engine/events.ts'
import type { Consequences, LeaseChange, Segment } from '../../db/queries/append-events.ts'
import { StorageError } from '../../storage/port.ts'
import type { SegmentValues } from '../files/large-values.ts'
import type { AppendResult } from './event-writer.ts'
import type { ExecutionRun } from './execution-run.ts'
import type { Outgoing } from './outgoing.ts'
import type { RunHost } from './run-host.ts'
import type { RunIdentity } from './run-identity.ts'
import { toSegment } from './to-segment.ts'

/** Commits these events, the last of which has seq `lastSeq`; what is too large for their row is in the file storage before it. */
export function record (host: RunHost, identity: RunIdentity, events: readonly Event[], lastSeq: number, lease: LeaseChange, outgoing?: Outgoing): Promise<AppendResult> {
  const consequences = outgoing?.consequences(host)
  const facts = { host, identity, events, lastSeq, lease }
  return consequences instanceof Promise ? consequences.then(async known => await append(facts, known)) : append(facts, consequences)
}

interface Recorded {
  readonly host: RunHost
  readonly identity: RunIdentity
  readonly events: readonly Event[]
  readonly lastSeq: number
  readonly lease: LeaseChange
}

// Not `async`: for most it would be a second promise.
function append ({ host, identity, events, lastSeq, lease }: Recorded, consequences: Consequences | undefined): Promise<AppendResult> {
  const values = host.values.collect()
  const segment = toSegment(identity, events, lastSeq, lease, consequences, values)
  return values.isEmpty ? host.writer.append(segment) : storedFirst(host, identity, segment, values)
}

async function storedFirst (host: RunHost, identity: RunIdentity, segment: Segment, values: SegmentValues): Promise<AppendResult> {
  const { organizationId, id: executionId } = identity
  if (!values.isEmpty) await host.values.store({ organizationId, executionId }, values)
  return await host.writer.append(segment)
}

/** Until an execution whose values could not be stored is taken up again, milliseconds. */
const STORAGE_PAUSE = 10_000

/** Goes on after a commit. One that did not succeed, or cannot be gone on from, ends the run in this process. */
export function orGiveUp (host: RunHost, run: ExecutionRun, recorded: Promise<AppendResult>, goOn: (result: AppendResult) => void): void {
  const failed = (error: unknown): void => { giveUp(host, run, error) }
  // With a `catch` behind it, it would be a second promise for each execution.
  recorded.then(result => {
    try {
      goOn(result)
    } catch (error) {
      failed(error)
    }
  }, failed)
}

/** Where the file storage is away, the run is given back in good order: that is no crash of its own. */
function giveUp (host: RunHost, run: ExecutionRun, error: unknown): void {
  host.fault(run, error)
  if (!(error instanceof StorageError)) return run.abandon()
  if (!run.isOver) host.unpark(run, host.now() + STORAGE_PAUSE, [])
  run.abandon('parked')
}

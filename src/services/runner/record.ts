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
  const values = host.values.collect()
  const consequences = outgoing?.consequences(host)
  const segment = (known: Consequences | undefined): Segment => toSegment(identity, events, lastSeq, lease, known, values)
  if (consequences instanceof Promise) {
    return consequences.then(async known => await storedFirst(host, identity, segment(known), values))
  }
  const ready = segment(consequences)
  return values.isEmpty ? host.writer.append(ready) : storedFirst(host, identity, ready, values)
}

async function storedFirst (host: RunHost, identity: RunIdentity, segment: Segment, values: SegmentValues): Promise<AppendResult> {
  if (!values.isEmpty) await stored(host, identity, values)
  return await host.writer.append(segment)
}

async function stored ({ values }: RunHost, { organizationId, id: executionId }: RunIdentity, collected: SegmentValues): Promise<void> {
  await values.store({ organizationId, executionId }, collected)
}

/** Until an execution whose values could not be stored is taken up again, milliseconds. */
const STORAGE_PAUSE = 10_000

/** After a commit that did not succeed. Where the file storage is away, the run is given back in good order: that is no crash of its own. */
export function giveUp (host: RunHost, run: ExecutionRun, error: unknown): void {
  host.fault(run, error)
  if (!(error instanceof StorageError)) return run.abandon()
  if (!run.isOver) host.unpark(run, host.now() + STORAGE_PAUSE, [])
  run.abandon('parked')
}

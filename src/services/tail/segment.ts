import type { Instant } from '../../engine/events.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import { idTime } from '../../lib/ids.ts'
import { encodeCursor } from './cursor.ts'
import { instantText, publicEvent, type RecordedEvent } from './public-event.ts'

export interface SegmentSource {
  readonly executionId: string
  readonly seq: number
  readonly lastSeq: number
  /** The final status, or empty. */
  readonly status: string
  /** The transaction that wrote it; 0 in the tail of one execution. */
  readonly xid: number
  /** JSON text of the events. */
  readonly events: string
}

/** A committed segment, read once for all who follow it. */
export interface TailSegment extends Omit<SegmentSource, 'events'> {
  /** Decoded when first asked for. */
  readonly events: readonly TailEvent[]
}

/** One event on its way to any number of readers; its text is made once. */
export class TailEvent {
  readonly executionId: string
  readonly seq: number
  readonly event: RecordedEvent
  readonly #xid: number
  #cursor: string | undefined
  #members: string | undefined

  constructor (executionId: string, seq: number, event: RecordedEvent, xid: number) {
    this.executionId = executionId
    this.seq = seq
    this.event = event
    this.#xid = xid
  }

  get at (): Instant {
    return this.event.at
  }

  get cursor (): string {
    return (this.#cursor ??= encodeCursor({ xid: this.#xid, executionId: this.executionId, seq: this.seq }))
  }

  /** The members of its JSON object, without braces: each reader adds its own before them. */
  get members (): string {
    return (this.#members ??= `"executionId":"${this.executionId}","seq":${this.seq},"cursor":"${this.cursor}","at":"${instantText(this.at)}","event":${JSON.stringify(publicEvent(this.event))}`)
  }
}

export function tailSegment ({ events: text, ...source }: SegmentSource): TailSegment {
  let events: TailEvent[] | undefined
  return {
    ...source,
    get events () {
      return (events ??= decodeEvents(JSON.parse(text)).map((event, index) => new TailEvent(source.executionId, source.seq + index, event, source.xid)))
    }
  }
}

export interface Acceptance {
  readonly executionId: string
  readonly workflowId: string
  readonly version: number
  readonly trigger: string
  readonly xid: number
}

/** The acceptance row as a segment of its own: event 1. Its time is that of the id. */
export function queuedSegment ({ executionId, workflowId, version, trigger, xid }: Acceptance): TailSegment {
  const event: RecordedEvent = { type: 'execution.queued', at: idTime(executionId), workflowId, version, trigger }
  return { executionId, seq: 1, lastSeq: 1, status: '', xid, events: [new TailEvent(executionId, 1, event, xid)] }
}

import type { Readable } from 'node:stream'
import type { Event } from '../../engine/events.ts'
import type { StoredValue, ValueStore } from '../../engine/stored-values.ts'
import type { TriggerPayload } from '../../engine/trigger-payload.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'
import type { FileOwner, Files } from './files.ts'
import { bytesOf, textOf } from './json-bytes.ts'

/** What one segment leaves to the file storage: all of it in one file. */
export interface SegmentValues extends ValueStore {
  readonly isEmpty: boolean
}

/** Payloads and outputs that are too large for their rows. They are in the storage before a row refers to them. */
export interface LargeValues {
  /** Characters of JSON text from which on a value is large. */
  readonly limit: number
  /** Stores a payload, and gives what stands in its place. Throws StorageError. */
  storePayload (owner: FileOwner, payload: string): Promise<string>
  /** An execution with the text of its payload, which is stored elsewhere. Throws StorageError and FileMissing. */
  withPayload (execution: QueuedExecution): Promise<QueuedExecution>
  /** The payload of a row. Throws StorageError and FileMissing. */
  payload (organizationId: string, stored: string): Promise<TriggerPayload>
  /** For the values of the next segment of an execution. */
  collect (): SegmentValues
  /** Throws StorageError. May be repeated. */
  store (owner: FileOwner, values: SegmentValues): Promise<void>
  /** The same events, complete. Throws StorageError and FileMissing. */
  complete (organizationId: string, events: readonly Event[]): Promise<Event[]>
  /** A value that somebody else stored. Throws StorageError and FileMissing. */
  value (organizationId: string, stored: StoredValue): Promise<unknown>
  /** An event with its answer. */
  withAnswer (organizationId: string, event: Event): Promise<Event>
}

const JSON_TYPE = 'application/json'
const QUOTE = 0x22

/** Whether a row's payload stands elsewhere: payloads are objects or pairs, so a text in place of one names a file and its size. */
export function isStoredPayload (payload: string): boolean {
  return payload.charCodeAt(0) === QUOTE
}

function storedPayload (payload: string): { fileId: string, size: number } {
  const [fileId = '', size = ''] = (JSON.parse(payload) as string).split('/')
  return { fileId, size: Number(size) }
}

/** Bytes that are stored outside of the rows of an execution. */
export function storedSize (payload: string, events: readonly Event[]): number {
  let size = isStoredPayload(payload) ? storedPayload(payload).size : 0
  for (const event of events) {
    if ('stored' in event && event.stored !== undefined) size += (event.stored.outputs?.size ?? 0) + (event.stored.answer?.size ?? 0) + (event.stored.wait?.size ?? 0)
  }
  return size
}

export function createLargeValues ({ files, limit, nextId }: { files: Files, limit: number, nextId: () => string }): LargeValues {
  async function valueOf (organizationId: string, { file, at, size }: StoredValue): Promise<unknown> {
    return await parse(await files.read(organizationId, file, { start: at, end: at + size - 1 }))
  }

  async function complete (organizationId: string, event: Event): Promise<Event> {
    if (isComplete(event)) return event
    const { stored: { outputs, answer, wait } = {}, ...rest } = event as Extract<Event, { stored?: unknown }>
    return {
      ...rest,
      ...(outputs === undefined ? {} : { outputs: await valueOf(organizationId, outputs) }),
      ...(answer === undefined ? {} : { answer: await valueOf(organizationId, answer) }),
      ...(wait === undefined ? {} : { wait: await valueOf(organizationId, wait) })
    } as Event
  }

  return {
    limit,
    async storePayload (owner, payload) {
      const id = nextId()
      const size = Buffer.byteLength(payload)
      await files.store(owner, { id, kind: 'values', mediaType: JSON_TYPE, size }, bytesOf([payload]))
      return JSON.stringify(`${id}/${size}`)
    },
    async withPayload (execution) {
      return { ...execution, payload: await textOf(await files.read(execution.organizationId, storedPayload(execution.payload).fileId)) }
    },
    async payload (organizationId, stored) {
      if (!isStoredPayload(stored)) return JSON.parse(stored) as TriggerPayload
      return await parse(await files.read(organizationId, storedPayload(stored).fileId)) as TriggerPayload
    },
    collect: () => new Collected(limit, nextId),
    async store (owner, values) {
      const { fileId, size, texts } = values as Collected
      if (fileId !== undefined) await files.store(owner, { id: fileId, kind: 'values', mediaType: JSON_TYPE, size }, bytesOf(texts))
    },
    async complete (organizationId, events) {
      const completed: Event[] = []
      for (const event of events) completed.push(isComplete(event) ? event : await complete(organizationId, event))
      return completed
    },
    value: valueOf,
    async withAnswer (organizationId, event) {
      if (event.type !== 'step.succeeded' || event.stored?.answer === undefined) return event
      return await complete(organizationId, { ...event, stored: { answer: event.stored.answer } })
    }
  }
}

function isComplete (event: Event): boolean {
  return !('stored' in event) || event.stored === undefined
}

async function parse (stream: Readable): Promise<unknown> {
  return JSON.parse(await textOf(stream))
}

class Collected implements SegmentValues {
  readonly limit: number
  readonly texts: string[] = []
  fileId: string | undefined
  size = 0
  readonly #nextId: () => string

  constructor (limit: number, nextId: () => string) {
    this.limit = limit
    this.#nextId = nextId
  }

  get isEmpty (): boolean { return this.fileId === undefined }

  add (json: string): StoredValue {
    this.fileId ??= this.#nextId()
    const value = { file: this.fileId, at: this.size, size: Buffer.byteLength(json) }
    this.texts.push(json)
    this.size += value.size
    return value
  }
}

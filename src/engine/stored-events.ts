import { byName } from '../lib/by-name.ts'
import { itemCounts, type Event, type Instant, type Outputs, type StepEvent } from './events.ts'
import type { OutputItem } from './item.ts'
import { EVERYTHING_FITS, type StoredParts, type ValueStore } from './stored-values.ts'
import type { Wait } from './wait.ts'

/**
 * An event as it is stored: without what holds its usual value (run 0, attempt 1). A step that succeeded in the moment in which
 * it started is one `step.ran`; it and what comes behind it tell their moment only where it is not that of the event before.
 * Most events of most executions are such, so a segment is half as long, in every hand that it passes through.
 *
 * `step.ran` names its `node`: a release that does not know it stops at the `nodeId` that it misses, instead of going on as if
 * the step had not been.
 */
export type StoredEvent = { readonly type: Event['type'] | 'step.ran', readonly nodeId?: string, readonly node?: string, readonly run?: number, readonly attempt?: number, readonly at?: Instant }

/** From this many times the size of a large value on, a segment leaves out smaller values, too. */
const LARGE_SEGMENT = 8
const SMALLER = 1 / 32

/**
 * One segment's events as the JSON text that is stored, on one line. Put together by hand: every execution passes here.
 * Joined, so that the text is one flat string: thousands await their commit, and as trees of parts they would keep the garbage collector busy.
 */
export function encodeEvents (events: readonly Event[], values: ValueStore = EVERYTHING_FITS): string {
  const texts: string[] = []
  let size = 0
  let before: Instant | undefined
  let short = false
  for (let index = 0; index < events.length; index++) {
    const started = events[index]!
    const ended = events[index + 1]
    const ran = ended !== undefined && isWhole(started, ended)
    if (ran) {
      index++
      short = true
    }
    const event = ran ? ended : started
    const text = 'attempt' in event
      ? encodeStep(event, ran, short ? before : undefined, values, size <= values.limit * LARGE_SEGMENT ? values.limit : values.limit * SMALLER)
      : encodePlain(event, short ? before : undefined)
    before = event.at
    size += text.length
    texts.push(text)
  }
  return '[' + texts.join(',') + ']'
}

/** Events of a segment. Those with `stored` parts lack them: see `ValueStore`. */
export function decodeEvents (stored: readonly StoredEvent[]): Event[] {
  const events: Event[] = []
  let at = 0
  for (const one of stored) {
    at = one.at ?? at
    if (!one.type.startsWith('step.')) {
      events.push({ at, ...one } as Event)
      continue
    }
    const event = { run: 0, attempt: 1, at, ...one } as StepEvent
    if (one.type !== 'step.ran') {
      events.push(event)
      continue
    }
    const { node: nodeId, ...rest } = one
    const { run, attempt } = event
    events.push({ type: 'step.started', nodeId: nodeId!, run, attempt, at }, { ...rest, type: 'step.succeeded', nodeId, run, attempt, at } as Event)
  }
  return events
}

function isWhole (started: Event, ended: Event): boolean {
  return started.type === 'step.started' && ended.type === 'step.succeeded' &&
    started.nodeId === ended.nodeId && started.run === ended.run && started.attempt === ended.attempt && started.at === ended.at
}

function encodePlain (event: Exclude<Event, StepEvent>, before: Instant | undefined): string {
  const isBare = event.type === 'execution.succeeded' || (event.type === 'execution.started' && event.vars === undefined && event.partial === undefined)
  if (isBare) return `{"type":"${event.type}"${moment(event.at, before)}}`
  return JSON.stringify(event.at === before ? { ...event, at: undefined } : event)
}

function moment (at: Instant, before: Instant | undefined): string {
  return at === before ? '' : `,"at":${at}`
}

function encodeStep (event: StepEvent, ran: boolean, before: Instant | undefined, values: ValueStore, limit: number): string {
  let text = (ran ? '{"type":"step.ran","node":' : `{"type":"${event.type}","nodeId":`) + quoted(event.nodeId) + moment(event.at, before)
  // What an event lacks already stays where it is.
  let stored: StoredParts | undefined = 'stored' in event ? event.stored : undefined
  if (event.run !== 0) text += `,"run":${event.run}`
  if (event.attempt !== 1) text += `,"attempt":${event.attempt}`
  if ('outputs' in event && event.outputs !== undefined) {
    const json = encodeOutputs(event.outputs)
    if (json.length <= limit) text += `,"outputs":${json}`
    else stored = { outputs: { ...values.add(json), counts: itemCounts(event.outputs) } }
  }
  if ('answer' in event) {
    const json = JSON.stringify(event.answer)
    if (json.length <= limit) text += `,"answer":${json}`
    else stored = { ...stored, answer: values.add(json) }
  }
  if ('error' in event) text += `,"error":${JSON.stringify(event.error)}`
  if ('until' in event) text += `,"until":${event.until}`
  if ('wait' in event) {
    const json = JSON.stringify(event.wait)
    const fits = json.length <= limit || event.wait.kind !== 'children'
    if (!fits) stored = { wait: values.add(json) }
    text += `,"wait":${fits ? json : JSON.stringify(withoutItems(event.wait))}`
  }
  if ('expires' in event) text += `,"expires":${event.expires}`
  if (stored !== undefined) text += `,"stored":${JSON.stringify(stored)}`
  return text + '}'
}

/** What is told of a wait whose children sent too much to stand in an event. */
function withoutItems (wait: Wait): Wait {
  return wait.kind === 'children' ? { ...wait, ended: wait.ended.map(({ items: _items, ...end }) => end) } : wait
}

/** An output that sent nothing says nothing. */
function encodeOutputs (outputs: Outputs): string {
  let text = ''
  for (const name of Object.keys(outputs)) {
    const items = outputs[name]!
    if (items.length > 0) text += (text === '' ? '{' : ',') + quoted(name) + (items.length === 1 ? encodeItem(items[0]!) : ':' + JSON.stringify(items))
  }
  return text === '' ? '{}' : text + '}'
}

/** The colon, and a list of one. */
function encodeItem (item: OutputItem): string {
  const { from, json, patch, binary } = item
  if (typeof from !== 'number' || json !== undefined || binary !== undefined) return `:[${JSON.stringify(item)}]`
  return patch === undefined ? `:[{"from":${from}}]` : `:[{"from":${from},"patch":${JSON.stringify(patch)}}]`
}

const quoted = byName(name => JSON.stringify(name))

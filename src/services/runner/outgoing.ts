import { encodeBeginning } from '../../engine/beginning.ts'
import type { ChildEnd, ChildStart } from '../../engine/children.ts'
import type { Command } from '../../engine/decide.ts'
import { terminalStatusOf } from '../../engine/events.ts'
import type { GivenItem } from '../../engine/item.ts'
import type { StoredValue } from '../../engine/stored-values.ts'
import type { Consequences } from '../../db/queries/append-events.ts'
import type { Letter, NewChild } from '../../db/queries/segment-children.ts'
import { writeOrigin } from '../../lib/execution-origin.ts'
import type { Ending } from './ending.ts'
import { answerId, type Mailbox } from './mailbox.ts'
import type { RunHost } from './run-host.ts'
import type { RunIdentity } from './run-identity.ts'

type Powers = Pick<RunHost, 'values' | 'shareFiles'>
type StartChildren = Extract<Command, { type: 'startChildren' }>

/** What is to change elsewhere with the next segment of an execution. */
export class Outgoing {
  readonly #identity: RunIdentity
  readonly #closed: string[] = []
  readonly #taken: string[] = []
  #starts: StartChildren[] = []
  readonly #letters: Letter[] = []
  #ending: Ending | undefined

  constructor (identity: RunIdentity) {
    this.#identity = identity
  }

  follow (command: Extract<Command, { type: 'closeWait' | 'startChildren' | 'cancelChildren' }>, mail: Mailbox | undefined): void {
    switch (command.type) {
      case 'closeWait': return this.#close(command, mail)
      case 'startChildren':
        this.#starts.push(command)
        return
      case 'cancelChildren': this.#cancel(command)
    }
  }

  /** Turns later answers away, unless it was an answer that ended the wait: that one is in the inbox. */
  #close ({ nodeId, run }: Extract<Command, { type: 'closeWait' }>, mail: Mailbox | undefined): void {
    const id = answerId(this.#identity.id, nodeId, run)
    if (mail?.hasRead(id) !== true) this.#closed.push(id)
  }

  /** A message whose content the events have from now on. */
  take (messageId: string): void {
    this.#taken.push(messageId)
  }

  #cancel ({ executionIds }: Extract<Command, { type: 'cancelChildren' }>): void {
    const begun = new Set(this.#starts.flatMap(({ children }) => children.map(({ id }) => id)))
    for (const to of executionIds) {
      if (!begun.has(to)) this.#letters.push({ to, messageId: this.#identity.id, kind: 'cancel', body: '{}' })
    }
    // What would start with the same statement does not start at all: no message reaches it.
    this.#keepStarts(child => !executionIds.includes(child.id))
  }

  end (ending: Ending): void {
    this.#ending = ending
    if (ending.endsChildren) this.#keepStarts(child => !child.awaited)
  }

  #keepStarts (keeps: (child: ChildStart) => boolean): void {
    this.#starts = this.#starts.map(one => ({ ...one, children: one.children.filter(keeps) })).filter(({ children }) => children.length > 0)
  }

  /** For the statement. What is too large for it, and the files that others are to see, are in their places before. Throws StorageError. */
  consequences (powers: Powers): Consequences | Promise<Consequences> {
    if (this.#starts.length === 0 && this.#ending?.report === undefined) return this.#simple()
    return this.#prepared(powers)
  }

  #simple (): Consequences {
    return { closed: this.#closed, taken: this.#taken, letters: this.#letters, endsChildren: this.#ending?.endsChildren === true, alarm: this.#ending?.alarm }
  }

  async #prepared (powers: Powers): Promise<Consequences> {
    const children: NewChild[] = []
    for (const { nodeId, run, children: starts } of this.#starts) {
      for (const start of starts) children.push(await this.#child(powers, nodeId, run, start))
    }
    const report = this.#ending?.report === undefined ? [] : [await this.#report(powers, this.#ending.report)]
    return { ...this.#simple(), children, letters: [...this.#letters, ...report] }
  }

  async #child ({ values, shareFiles }: Powers, nodeId: string, run: number, { id, index, workflowId, version, nodeId: trigger, priority, item, awaited }: ChildStart): Promise<NewChild> {
    const { organizationId, id: parentId, depth, hops } = this.#identity
    const text = JSON.stringify(item.json)
    const payload = text.length > values.limit ? await values.storePayload({ organizationId, executionId: id }, text) : text
    if (item.binary !== undefined) await shareFiles(organizationId, parentId, id)
    const origin = writeOrigin({
      parent: { id: parentId, nodeId, run, index, awaited },
      depth: depth + 1,
      ...(priority === undefined ? {} : { priority }),
      ...(hops === 0 ? {} : { hops }),
      ...(item.binary === undefined ? {} : { prepared: true })
    })
    // A payload is JSON only: an item with files is what its trigger is given instead.
    const beginning = item.binary === undefined ? null : encodeBeginning({ steps: [], partial: { inputs: [[item]] } })
    return { id, workflowId, version, nodeId: trigger, payload, origin, beginning }
  }

  async #report ({ values, shareFiles }: Powers, { event, items }: NonNullable<Ending['report']>): Promise<Letter> {
    const { organizationId, id, parent } = this.#identity
    const { id: to, nodeId, run, index } = parent!
    if (items.some(({ binary }) => binary !== undefined)) await shareFiles(organizationId, id, to)
    const end: ChildEnd = { index, executionId: id, status: terminalStatusOf(event)!, ...('error' in event ? { error: event.error } : {}) }
    const child = { ...end, ...end.status === 'succeeded' ? await stored(values, { organizationId, executionId: to }, items) : {} }
    return { to, messageId: id, kind: 'child', body: JSON.stringify({ nodeId, run, child }) }
  }
}

/** They belong to the execution that reads them: it may outlive the one that made them. */
async function stored (values: Powers['values'], owner: { organizationId: string, executionId: string }, items: readonly GivenItem[]): Promise<{ items: readonly GivenItem[] } | { stored: StoredValue }> {
  const text = JSON.stringify(items)
  if (text.length <= values.limit) return { items }
  const collected = values.collect()
  const place = collected.add(text)
  await values.store(owner, collected)
  return { stored: place }
}

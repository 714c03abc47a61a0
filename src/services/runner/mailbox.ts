import { createHash } from 'node:crypto'
import type { Incoming } from '../../engine/wait.ts'
import type { Message } from '../../db/queries/inbox.ts'

/** What an execution was told from outside and has not acted upon: a message may come before its step waits for it. */
export class Mailbox {
  readonly #read = new Set<string>()
  readonly #waiting = new Map<Incoming, string>()

  /** Takes in what is new of these. Answers whether the execution was asked to stop. */
  take (messages: readonly Message[]): boolean {
    let cancelled = false
    for (const { messageId, kind, body } of messages) {
      if (this.#read.has(messageId)) continue
      this.#read.add(messageId)
      if (kind === 'cancel') cancelled = true
      else if (kind !== CLOSED) this.#waiting.set({ kind, ...body as object } as Incoming, messageId)
    }
    return cancelled
  }

  /** Messages that no step has waited for yet. */
  get waiting (): Incoming[] {
    return [...this.#waiting.keys()]
  }

  get isEmpty (): boolean { return this.#waiting.size === 0 }

  /**
   * A step goes on with it. Answers its id where the next event has all of it; answers from outside stay in the inbox, so that
   * a second one is known as such.
   */
  use (message: Incoming): string | undefined {
    const id = this.#waiting.get(message)
    this.#waiting.delete(message)
    return message.kind === 'child' ? id : undefined
  }

  hasRead (messageId: string): boolean { return this.#read.has(messageId) }

  /** The ids of all that were read. */
  get read (): readonly string[] { return [...this.#read] }
}

/** Stands in the inbox for an answer that would come too late. */
export const CLOSED = 'closed'

/** A wait takes one answer from outside: all answers to it have this id, and the first is kept. */
export function answerId (executionId: string, nodeId: string, run: number): string {
  const hex = createHash('sha256').update(JSON.stringify(['answer', executionId, nodeId, run])).digest('hex')
  // Version 8 of RFC 9562: a UUID of our own making.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

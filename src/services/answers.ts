import type { IncomingHttpHeaders } from 'node:http'
import type { Approval, CallbackRequest } from '../engine/wait.ts'
import type { Sql } from '../db/client.ts'
import { readAnswerable, sendMessage, type Message, type Sent } from '../db/queries/inbox.ts'
import type { WaitingFor } from '../engine/waiting-for.ts'
import { QUERY_DEADLINE, withDeadline } from '../lib/deadline.ts'
import type { HintBus } from '../queue/hint-bus.ts'
import type { AnswerLinks, AnswerTarget } from './answer-links.ts'
import { AnswerUsed, ExecutionTerminal, InvalidInput, NotFound } from './problems.ts'
import { answerId } from './runner/mailbox.ts'
import { bodyAsJson, parseFields } from './webhooks/body.ts'
import { decodeContent } from './webhooks/content-encoding.ts'

export interface IncomingCallback {
  readonly method: string
  /** Without the question mark. */
  readonly queryText: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
  /** Bytes that the body may have when it is unpacked. */
  readonly limit: number
}

/** Takes answers to waiting executions from whoever holds a link. All throw Problem. */
export interface Answers {
  /** A call of `$execution.resumeUrl`. */
  resume (token: string, request: IncomingCallback): Promise<{ executionId: string }>
  /** What a link of `$execution.approvalUrls` would decide. */
  ask (token: string): Promise<Question>
  /** @param body a form or JSON with a `comment`, or nothing */
  decide (token: string, body: Uint8Array, contentType: string | undefined): Promise<{ executionId: string }>
}

export interface Question {
  readonly choice: string
  /** That of the node, as far as it waits already. */
  readonly message: string | undefined
  /** Decided before, or too late. */
  readonly isOver: boolean
}

export interface AnswersOptions {
  readonly sql: Sql
  readonly links: AnswerLinks
  readonly hints: HintBus
  readonly now: () => number
}

const WHAT = 'execution that this link could answer'
export const MAX_COMMENT = 1000

export function createAnswers ({ sql, links, hints, now }: AnswersOptions): Answers {
  function open (token: string, isApproval: boolean): AnswerTarget {
    const target = links.open(token)
    if (target === undefined || (target.choice !== undefined) !== isApproval) throw NotFound(WHAT)
    return target
  }

  return {
    async resume (token, { method, queryText, headers, body, limit }) {
      const target = open(token, false)
      const content = await decodeContent(body, headers['content-encoding'], limit)
      const request: CallbackRequest = {
        method, query: parseFields(new URLSearchParams(queryText)), headers, body: JSON.parse(bodyAsJson(content, headers['content-type']))
      }
      return await answer({ sql, hints }, undefined, target, 'callback', { request })
    },
    async ask (token) {
      const { executionId, nodeId, run, choice } = open(token, true)
      const found = await withDeadline(QUERY_DEADLINE, readAnswerable(sql, executionId, answerId(executionId, nodeId, run)))
      if (found === undefined) throw NotFound(WHAT)
      const waiting = found.waitingFor as WaitingFor | null
      const wait = waiting === null ? undefined : [waiting, ...waiting.others ?? []].find(wait => wait.nodeId === nodeId && wait.run === run)
      return { choice: choice!, message: wait?.message, isOver: found.isOver }
    },
    async decide (token, body, contentType) {
      const target = open(token, true)
      const comment = commentOf(JSON.parse(bodyAsJson(body, contentType)))
      const approval: Approval = { choice: target.choice!, by: { type: 'link' }, at: new Date(now()).toISOString(), ...comment }
      return await answer({ sql, hints }, undefined, target, 'approval', { approval })
    }
  }
}

function commentOf (body: unknown): { comment?: string } {
  const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)['comment'] : undefined
  if (given === undefined || given === '') return {}
  if (typeof given !== 'string' || given.length > MAX_COMMENT) {
    throw InvalidInput([{ pointer: '/comment', message: `must be text of at most ${MAX_COMMENT} characters`, code: 'WC_INVALID_VALUE' }])
  }
  return { comment: given }
}

/** Leaves an answer in the inbox: the first counts, and it may come before its step waits for it. Throws Problem. */
export async function answer (
  { sql, hints }: Pick<AnswersOptions, 'sql' | 'hints'>, organizationId: string | undefined,
  { executionId, nodeId, run }: Omit<AnswerTarget, 'choice'>, kind: 'callback' | 'approval', content: object
): Promise<{ executionId: string }> {
  const message: Message = { messageId: answerId(executionId, nodeId, run), kind, body: { nodeId, run, ...content } }
  const sent = await withDeadline(QUERY_DEADLINE, sendMessage(sql, organizationId, executionId, message))
  if (sent.outcome === 'unknown') throw NotFound(WHAT)
  if (sent.outcome === 'terminal') throw ExecutionTerminal()
  if (sent.outcome === 'repeated') throw AnswerUsed()
  announceMail(hints, executionId, sent)
  return { executionId }
}

/** Tells whoever runs the execution of its new mail, or that a parked one is to be taken up. */
export function announceMail (hints: HintBus, executionId: string, { due, organizationId }: Sent): void {
  hints.control(due && organizationId !== undefined ? { type: 'due', executionId, organizationId } : { type: 'mail', executionId })
}

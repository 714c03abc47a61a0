import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { discardBody } from '../lib/discard-body.ts'
import { problemBody, type Problem } from '../lib/problem.ts'
import { UnsupportedMediaType } from '../services/problems.ts'
import { readWhole } from '../services/webhooks/read-whole.ts'
import type { BatchReceiver, IncomingBatch, LineAnswer } from '../services/webhooks/receive-batch.ts'

const NDJSON = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/jsonlines', 'application/x-jsonlines']
const FLAG = /(?:^|&)batch=true(?:&|$)/

export function isBatch (method: string, queryText: string): boolean {
  return method === 'POST' && FLAG.test(queryText)
}

/** The body of a batch is read while it comes; any other of these types at once, as all bodies are. */
export function acceptBatches (app: FastifyInstance, maxBodySize: number): void {
  app.addContentTypeParser(NDJSON, async (request: FastifyRequest, payload: Readable) => {
    const { method = '', url = '' } = request.raw
    return isBatch(method, url.slice(url.indexOf('?') + 1)) ? payload : await readWhole(payload, maxBodySize)
  })
}

/** Answers once each line that was read is committed or refused. */
export async function answerBatch (batches: BatchReceiver, incoming: Omit<IncomingBatch, 'body'>, request: FastifyRequest, reply: FastifyReply, refused: (problem: Problem, line: number) => void): Promise<FastifyReply> {
  if (!(request.body instanceof Readable)) throw UnsupportedMediaType('A batch is sent as application/x-ndjson: one JSON value a line.')
  const { accepted, answers, faults, headers } = await batches.receive(Object.assign(incoming, { body: request.body }))
    .finally(async () => { await new Promise<void>(resolve => { discardBody(request.raw, resolve) }) })
  for (const { line, problem } of answers) if (problem !== undefined && problem.status < 500) refused(problem, line)
  if (faults.length > 0) request.log.error({ err: faults[0], count: faults.length }, 'Lines of a batch failed through a fault of WeConnect itself')
  return reply.code(accepted > 0 ? 202 : 422).headers(headers).type('application/x-ndjson').serializer(String).send(answers.map(answer => toLine(answer, request.id)).join(''))
}

function toLine ({ line, executionId, duplicate, problem }: LineAnswer, requestId: string): string {
  if (problem === undefined) return `{"line":${line},"executionId":"${executionId}"${duplicate === true ? ',"duplicate":true' : ''}}\n`
  return JSON.stringify({ line, ...problemBody(problem, requestId) }) + '\n'
}

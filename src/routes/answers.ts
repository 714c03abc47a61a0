import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { escapeHtml } from '../lib/escape-html.ts'
import { Problem } from '../lib/problem.ts'
import { BY_ADDRESS } from '../schemas/access.ts'
import { Id, PUBLIC_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Answers } from '../services/answers.ts'

const common = { tags: ['Ingestion'], security: PUBLIC_SECURITY }
const Params = Type.Object({ token: Type.String({ minLength: 1, maxLength: 512, description: 'Of the link' }) }, { additionalProperties: false })
const Accepted = Type.Object({ executionId: Id }, { examples: [{ executionId: '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b' }] })
const Html = { description: 'A page for people', content: { 'text/html': { schema: Type.String() } } }

const EMPTY = Buffer.alloc(0)
const FORM = '<form method="post"><label>Comment<br><input name="comment" maxlength="1000"></label> <button>Confirm</button></form>'

/** Links that answer waiting executions, `/v1/resume` and `/v1/approvals`: who holds one needs no credential. */
export const answerRoutes: FastifyPluginAsyncTypebox<{ answers: Answers, maxBodySize: number }> = async (app, { answers, maxBodySize }) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBodySize }, (_request, body, done) => { done(null, body) })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  })

  for (const method of ['GET', 'POST'] as const) {
    app.route({
      method,
      url: '/resume/:token',
      // Whoever only looks must not resume anything.
      exposeHeadRoute: false,
      bodyLimit: maxBodySize,
      config: { access: BY_ADDRESS },
      schema: {
        ...common,
        operationId: method === 'GET' ? 'resumeByVisit' : 'resumeByCallback',
        summary: 'Let an execution go on that waits for this call',
        description: 'The address is `$execution.resumeUrl`. It works once, also before its `wait` node has begun to wait. The method, query, headers and body become the item that leaves the node.',
        params: Params,
        response: { 202: Accepted, ...problemResponses(400, 404, 409, 413, 415, 422) }
      },
      async handler (request, reply) {
        const url = request.raw.url ?? ''
        const mark = url.indexOf('?')
        const accepted = await answers.resume(request.params.token, {
          method, queryText: mark === -1 ? '' : url.slice(mark + 1), headers: request.headers, body: bytesOf(request.body), limit: maxBodySize
        })
        return await reply.code(202).send(accepted)
      }
    })
  }

  app.get('/approvals/:token', {
    exposeHeadRoute: false,
    config: { access: BY_ADDRESS },
    schema: {
      ...common,
      operationId: 'showApproval',
      summary: 'A page that asks whether to decide this way',
      description: 'The address is one of `$execution.approvalUrls`. Opening it decides nothing: mail programs open links by themselves. The page shows the message of the node while it waits.',
      params: Params,
      response: { 200: Html, ...problemResponses(404, 422) }
    }
  }, async (request, reply) => {
    const { choice, message, isOver } = await answers.ask(request.params.token)
    if (isOver) return await overPage(reply, 200)
    return await page(reply, `Decide: ${choice}`, `${message === undefined ? '' : `<p>${escapeHtml(message).replaceAll('\n', '<br>')}</p>`}${FORM}`)
  })

  app.post('/approvals/:token', {
    bodyLimit: maxBodySize,
    config: { access: BY_ADDRESS },
    schema: {
      ...common,
      operationId: 'decideByLink',
      summary: 'Decide an approval by its link',
      description: 'Works once: the first decision counts. A body may be a form or JSON with a `comment`.',
      params: Params,
      response: { 202: { ...Html, content: { ...Html.content, 'application/json': { schema: Accepted } } }, ...problemResponses(400, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const type = request.headers['content-type']
    const isForm = type?.startsWith('application/x-www-form-urlencoded') === true
    try {
      const decided = await answers.decide(request.params.token, bytesOf(request.body), type)
      if (isForm) return await page(reply.code(202), 'Thank you', '<p>Your decision was taken. You can close this page.</p>')
      return await reply.code(202).type('application/json; charset=utf-8').send(decided)
    } catch (error) {
      // Whoever pressed the button reads pages.
      if (isForm && error instanceof Problem && error.status === 409) return await overPage(reply, 409)
      throw error
    }
  })
}

function bytesOf (body: unknown): Uint8Array {
  return Buffer.isBuffer(body) ? body : EMPTY
}

async function overPage (reply: FastifyReply, status: 200 | 409): Promise<FastifyReply> {
  return await page(reply.code(status), 'Nothing to decide', '<p>This was decided before, or its time is over.</p>')
}

/** `title` holds choices, whose pattern allows nothing that needs escaping. */
async function page (reply: FastifyReply, title: string, content: string): Promise<FastifyReply> {
  return await reply
    .header('content-security-policy', "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
    .type('text/html; charset=utf-8')
    .serializer((text: unknown) => String(text))
    .send(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>${title}</title><h1>${title}</h1>${content}</html>`)
}

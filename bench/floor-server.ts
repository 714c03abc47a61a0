import Fastify from 'fastify'

/** The floor: a bare Fastify route that parses the same JSON body and answers 202. */
const app = Fastify({ logger: false })
app.post('/*', async (request, reply) => {
  if (typeof request.body !== 'object') throw new Error('no body')
  return await reply.code(202).send({ executionId: '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b' })
})
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' })

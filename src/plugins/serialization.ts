import fastJsonStringify from 'fast-json-stringify'
import fp from 'fastify-plugin'
import { lazily } from '../lib/lazily.ts'

type Serialize = (payload: unknown) => string

/**
 * Serializers as Fastify makes them by itself, but each when it is first needed: more than a hundred routes with their ten
 * statuses each took most of a start, and memory for ever, and nearly all of them are the same problem.
 */
export const serialization = fp(async function serializationPlugin (app) {
  const known = new WeakMap<object, Serialize>()
  app.setSerializerCompiler(({ schema }) => {
    const present = known.get(schema as object)
    if (present !== undefined) return present
    const serialize = lazily((): Serialize => fastJsonStringify(schema as fastJsonStringify.AnySchema))
    known.set(schema as object, serialize)
    return serialize
  })
}, { name: 'serialization', fastify: '5.x' })

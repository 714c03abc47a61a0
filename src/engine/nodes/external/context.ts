import type { Context, JsonObject } from '../../../../interface/node.d.ts'
import type { JsonSchemaCheck } from '../../../lib/json-schema.ts'
import { NodeError } from '../../node-error.ts'
import type { NodeContext } from '../node-type.ts'
import { plainJson } from './plain-json.ts'

const TIMEOUT = 30_000
const MAX_RESPONSE_SIZE = 16 * 1024 * 1024
const REDIRECTS = 10

/** The powers of version 1, over those that nodes have inside: they may change there, and not here. */
export function createContext (context: NodeContext<unknown>, fits: JsonSchemaCheck): Context {
  const { nodeId, run, attempt } = context
  return {
    nodeId,
    run,
    attempt,
    get inputs () { return context.inputs },
    get items () { return context.items },
    get signal () { return context.signal },
    parameters: index => fitting(context.parameters(index), fits, index),
    idempotencyKey: index => context.idempotencyKey(index),
    fetch: async ({ method = 'GET', timeout = TIMEOUT, maxResponseSize = MAX_RESPONSE_SIZE, followRedirects = REDIRECTS, ...rest }) =>
      await context.fetch({ ...rest, method, timeout, maxResponseSize, followRedirects, signal: context.signal }),
    credential: async () => await context.credential(),
    now: () => context.now(),
    log (level, message, data) {
      context.log(level, String(message), data === undefined ? undefined : plainJson(data, 'data of a log line'))
    }
  }
}

/** Expressions give what they give; a node of a package finds what its schema promised. */
function fitting (parameters: unknown, fits: JsonSchemaCheck, itemIndex: number): JsonObject {
  const [misfit] = fits(parameters)
  if (misfit === undefined) return parameters as JsonObject
  throw new NodeError('WC_NODE_PARAMETERS', `The parameter ${misfit.pointer} ${misfit.message} once its expressions are evaluated`, { pointer: misfit.pointer, itemIndex })
}

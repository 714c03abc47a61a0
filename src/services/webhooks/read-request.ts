import type { HttpAnswer } from '../../engine/nodes/node-type.ts'
import type { Acceptance } from '../acceptance.ts'
import { TooLarge } from '../problems.ts'
import { readBody, type BodyContent } from './body.ts'
import { decodeContent } from './content-encoding.ts'
import { parseContentType, type ContentType } from './content-type.ts'
import { lookInto, type Delivery } from './deliver.ts'
import type { Endpoint } from './endpoints.ts'
import type { ArrivingRequest } from './gate.ts'
import { readMultipart } from './multipart.ts'
import type { BodyStore } from './store-body.ts'
import { executionAt, itemHead, triggerItem } from './trigger-item.ts'

export interface RequestReaderOptions {
  readonly bodies: BodyStore
  readonly acceptance: Pick<Acceptance, 'admit'>
  readonly nextId: () => string
  /** Milliseconds since the epoch */
  readonly now: () => number
  /** bytes, where the endpoint does not say otherwise */
  readonly maxBodySize: number
}

export interface RequestReader {
  /** What it must pass before anything is read: size, place, proof. Throws Problem. */
  admit (request: ArrivingRequest, endpoint: Endpoint): void | Promise<void>
  /**
   * What it is made into, or how it is answered where it is a handshake. Throws Problem. Nothing is stored of a request that is refused.
   * At once where nothing has to be unpacked or stored.
   */
  read (request: ArrivingRequest, endpoint: Endpoint, params: Readonly<Record<string, string>>): ReadRequest | Promise<ReadRequest>
}

export type ReadRequest = Delivery | { readonly answer: HttpAnswer }

export function createRequestReader ({ bodies, acceptance, nextId, now, maxBodySize }: RequestReaderOptions): RequestReader {
  const limitOf = (endpoint: Endpoint): number => Math.min(endpoint.maxBodySize ?? maxBodySize, maxBodySize)
  return {
    admit (request, endpoint) {
      const limit = limitOf(endpoint)
      if (request.body.length > limit) throw TooLarge(limit)
      return endpoint.gate?.(request)
    },
    read (request, endpoint, params) {
      const encoding = request.headers['content-encoding']
      const contentType = parseContentType(request.headers['content-type'])
      const content = encoding === undefined
        ? contentOf(request.body, contentType, endpoint)
        : decodeContent(request.body, encoding, limitOf(endpoint)).then(body => contentOf(body, contentType, endpoint))
      return content instanceof Promise ? content.then(known => toDelivery(request, endpoint, params, known)) : toDelivery(request, endpoint, params, content)
    }
  }

  function contentOf (body: Uint8Array, contentType: ContentType, endpoint: Endpoint): BodyContent | Promise<BodyContent> {
    return contentType.type === 'multipart/form-data' && body.length > 0 ? readMultipart(body, contentType, endpoint.maxFiles) : readBody(body, contentType)
  }

  function toDelivery (request: ArrivingRequest, endpoint: Endpoint, params: Readonly<Record<string, string>>, { json, files }: BodyContent): ReadRequest | Promise<ReadRequest> {
    const answer = endpoint.greeting?.answerBody?.(json)
    if (answer !== undefined) return { answer }
    const id = nextId()
    const item = triggerItem(itemHead(request, params, endpoint), json)
    const keyHash = endpoint.looksInto ? lookInto(request, endpoint, item, { executionId: id, trigger: 'webhook', nodeId: endpoint.nodeId, now: now() }) : undefined
    if (files.length === 0) return { execution: executionAt(endpoint, id, item), keyHash }
    const { organizationId } = endpoint
    return acceptance.admit(organizationId)
      .then(() => bodies.store({ organizationId, executionId: id }, item, files))
      .then(payload => ({ execution: executionAt(endpoint, id, payload), keyHash }))
  }
}

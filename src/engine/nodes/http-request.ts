import { authorizedFetch, REQUEST_CREDENTIALS } from './http-authorization.ts'
import { withItemIndex } from './http-errors.ts'
import { exchange } from './http-exchange.ts'
import { attachmentsOf } from './http-request-files.ts'
import { requestIssues } from './http-request-issues.ts'
import { DEFAULT_CONCURRENCY, HttpRequestParameters } from './http-request-parameters.ts'
import { itemByItem } from './item-by-item.ts'
import { defineNode } from './node-type.ts'
import type { NodeContext } from './node-type.ts'

export const httpRequest = defineNode({
  type: 'httpRequest',
  title: 'HTTP request',
  description: 'Sends an HTTP request an item, or one for each of its pages, and emits { status, headers, body } of the answers.',
  icon: 'globe',
  category: 'outside',
  effects: 'idempotent',
  parameters: HttpRequestParameters,
  credentials: REQUEST_CREDENTIALS,
  check: requestIssues,
  async run (context) {
    if (context.items.length === 0) return { outputs: { main: [] } }
    const { concurrency = DEFAULT_CONCURRENCY, clientCertificateId } = settingsOf(context)
    const session = {
      context: context as NodeContext<HttpRequestParameters>,
      attachments: (index: number) => attachmentsOf(context, index),
      fetch: authorizedFetch(context.fetch, await context.credential()),
      clientCertificate: clientCertificateId === undefined ? undefined : await context.credential({ id: clientCertificateId, types: ['clientCertificate'] })
    }
    return await itemByItem(context, concurrency, async (index, signal) => await exchange(session, index, signal))
  }
})

/** What holds for all items, since it cannot hold expressions. */
function settingsOf (context: NodeContext<HttpRequestParameters>): HttpRequestParameters {
  try {
    return context.parameters(0)
  } catch (error) {
    throw withItemIndex(error, 0)
  }
}

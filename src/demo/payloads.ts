import { randomUUID } from 'node:crypto'

/** A request that the demo sends, and what must come of it. */
export interface DemoRequest {
  readonly title: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** What the server that the workflow notifies must have heard. */
  readonly notifies?: string
  /** Of a synchronous answer. */
  readonly answers?: { readonly status: number, readonly body: Readonly<Record<string, unknown>> }
}

interface Example {
  readonly action?: string
  readonly repository?: object
  readonly commits?: readonly unknown[]
}

type Kind = { readonly name: string, readonly examples: readonly Example[] }

/** Payloads that GitHub has sent, as its webhooks deliver them, then orders, and quotes that are answered at once. */
export async function demoRequests (): Promise<DemoRequest[]> {
  const kinds = await loadExamples()
  return [
    github(kinds, 'issues', 'issue', example => example.action === 'opened'),
    github(kinds, 'pull_request', 'pull request', example => example.action === 'opened'),
    github(kinds, 'push', 'push', example => (example.commits?.length ?? 0) > 0),
    github(kinds, 'star', undefined, example => example.action === 'created'),
    order({ quantity: 5, unitPrice: 30 }),
    order({ quantity: 1, unitPrice: 12.5 }),
    {
      title: 'order summary, answered with its last step',
      path: 'orders/summary',
      headers: { 'content-type': 'application/json' },
      body: { orders: [{ customer: 'Ada', quantity: 2, unitPrice: 10.5, paid: true }, { customer: 'Grace', quantity: 1, unitPrice: 4, paid: false }] },
      answers: { status: 200, body: { count: 1, revenue: 21 } }
    },
    {
      title: 'quote, answered by the workflow',
      path: 'quotes',
      headers: { 'content-type': 'application/json' },
      body: { customer: 'Ada', lines: [{ quantity: 3, unitPrice: 250 }, { quantity: 10, unitPrice: 60 }] },
      answers: { status: 201, body: { customer: 'Ada', subtotal: 1350, discount: 135, total: 1215 } }
    },
    {
      title: 'quote without lines, refused by the workflow',
      path: 'quotes',
      headers: { 'content-type': 'application/json' },
      body: { customer: 'Ada', lines: [] },
      answers: { status: 422, body: { title: 'Not a quote' } }
    }
  ]
}

async function loadExamples (): Promise<readonly Kind[]> {
  try {
    const { default: kinds } = await import('@octokit/webhooks-examples', { with: { type: 'json' } })
    return kinds as unknown as readonly Kind[]
  } catch (error) {
    throw new Error('The demo needs the packages for development: run `npm ci` without --omit=dev.', { cause: error })
  }
}

function github (kinds: readonly Kind[], event: string, notifies: string | undefined, fits: (example: Example) => boolean): DemoRequest {
  const body = kinds.find(({ name }) => name === event)?.examples.find(example => example.repository !== undefined && fits(example))
  if (body === undefined) throw new Error(`@octokit/webhooks-examples holds no fitting payload of the event ${event}.`)
  return {
    title: `GitHub: ${event}${body.action === undefined ? '' : ` ${body.action}`}`,
    path: 'github/platform',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-event': event,
      'x-github-delivery': randomUUID(),
      'x-github-hook-id': '292430182',
      'x-github-hook-installation-target-type': 'repository'
    },
    body,
    ...(notifies === undefined ? {} : { notifies })
  }
}

function order (body: { quantity: number, unitPrice: number }): DemoRequest {
  return { title: `order of ${body.quantity} × ${body.unitPrice}`, path: 'orders', headers: { 'content-type': 'application/json' }, body }
}

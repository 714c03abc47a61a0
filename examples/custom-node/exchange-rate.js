import { defineNode, NodeError } from 'weconnect/node'

const CURRENCY = { type: 'string', pattern: '^[A-Z]{3}$', examples: ['EUR', 'USD'] }

export const exchangeRate = defineNode({
  type: 'exchangeRate',
  title: 'Exchange rate',
  description: 'Asks a service for the rate between two currencies; rates that it does not know go to `unknown`.',
  icon: 'coins',
  category: 'outside',
  // A question may be asked twice.
  effects: 'idempotent',
  parameters: {
    type: 'object',
    properties: {
      service: { type: 'string', format: 'uri', title: 'Service', description: 'Answers GET <service>?from=EUR&to=USD with { "rate": 1.08 }.' },
      from: { ...CURRENCY, title: 'From' },
      to: { ...CURRENCY, title: 'To' }
    },
    required: ['service', 'from', 'to'],
    additionalProperties: false
  },
  outputs: ['known', 'unknown'],
  check: ({ from, to }) => from === to ? [{ pointer: '/to', message: 'is the currency that it comes from', severity: 'warning' }] : [],
  async run ({ items, parameters, fetch, idempotencyKey, log }) {
    /** @type {{ from: number, patch: { rate: number } }[]} */
    const known = []
    /** @type {{ from: number }[]} */
    const unknown = []
    for (const index of items.keys()) {
      const { service, from, to } = parameters(index)
      const url = `${service}?from=${from}&to=${to}`
      const { status, body } = await fetch({ url, headers: { 'idempotency-key': idempotencyKey(index) } })
      if (status === 404) {
        log('warn', `Nobody knows the rate from ${from} to ${to}`)
        unknown.push({ from: index })
      } else {
        known.push({ from: index, patch: { rate: readRate(status, body, index) } })
      }
    }
    return { outputs: { known, unknown } }
  }
})

/**
 * @param {number} status
 * @param {Uint8Array} body
 * @param {number} itemIndex
 * @returns {number}
 */
function readRate (status, body, itemIndex) {
  const detail = { itemIndex, data: { status } }
  if (status >= 500) throw new NodeError('RATE_SERVICE_AWAY', `The service answered ${status}`, { ...detail, retryable: true })
  try {
    const { rate } = JSON.parse(new TextDecoder().decode(body))
    if (typeof rate === 'number') return rate
  } catch {
    // What is no JSON has no rate either.
  }
  throw new NodeError('RATE_MISSING', `The service answered ${status} without a rate`, detail)
}

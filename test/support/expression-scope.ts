import type { ExpressionItem, ExpressionScope, ItemsView, NodeItemsView } from '../../src/engine/expression/index.ts'

/** 2024-03-01T10:00:00Z */
export const NOW = Date.UTC(2024, 2, 1, 10)

export const JSON_INPUT = {
  body: {
    id: 7,
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    total: 120.5,
    paid: true,
    created: '2024-02-28T09:30:00Z',
    items: [
      { sku: 'a', price: 10, quantity: 2 },
      { sku: 'b', price: 20, quantity: 1 },
      { sku: 'c', price: 5, quantity: 4 }
    ],
    tags: ['new', 'vip', 'new'],
    empty: '',
    nothing: null
  },
  number: 5
}

const ITEMS: readonly ExpressionItem[] = [
  { json: { amount: 1, label: 'one' } },
  { json: { amount: 2, label: 'two' }, binary: { file: { fileId: 'f1', mimeType: 'text/plain', size: 3 } } }
]

function view (items: readonly ExpressionItem[]): ItemsView {
  return { all: () => items, first: () => items[0], last: () => items.at(-1), item: items[0] }
}

/** A scope over small order data, with a node `price` that has run. */
export function makeScope (changes: Partial<ExpressionScope> = {}): ExpressionScope {
  const node: NodeItemsView = { ...view(ITEMS), isExecuted: true, params: { mode: 'list' }, itemMatching: (index) => ITEMS[index] }
  return {
    json: structuredClone(JSON_INPUT),
    item: { json: structuredClone(JSON_INPUT) },
    binary: { file: { fileId: 'f0', mimeType: 'text/plain', size: 1 } },
    itemIndex: 3,
    runIndex: 1,
    input: () => view(ITEMS),
    node: (id) => id === 'price' ? node : undefined,
    vars: { region: 'eu' },
    workflow: { id: 'w1', name: 'Orders', active: true, version: 2 },
    execution: { id: 'e1', mode: 'webhook', resumeUrl: 'https://example.com/resume' },
    now: () => NOW,
    timeZone: 'Europe/Paris',
    nodeId: 'here',
    ...changes
  }
}

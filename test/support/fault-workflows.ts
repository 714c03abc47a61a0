/** in → price → tag: nothing that reaches outside. */
export function pureWorkflow (path = 'pure'): object {
  return {
    name: `Pure ${path}`,
    nodes: [
      { id: 'in', type: 'webhook', parameters: { method: 'POST', path, response: 'immediate' } },
      { id: 'price', type: 'set', parameters: { fields: { double: '{{ $json.body.n * 2 }}' } } },
      { id: 'tag', type: 'set', parameters: { fields: { tier: 'gold' } } }
    ],
    connections: [{ from: 'in', to: 'price' }, { from: 'price', to: 'tag' }],
    settings: {}
  }
}

/** in → note (with the link that a callback calls) → hold → after. */
export function waitingWorkflow (path: string, wait: object): object {
  return {
    name: `Waiting ${path}`,
    nodes: [
      { id: 'in', type: 'webhook', parameters: { method: 'POST', path, response: 'immediate' } },
      { id: 'note', type: 'set', parameters: { fields: 'callback' in wait ? { link: '{{ $execution.resumeUrl }}' } : {} } },
      { id: 'hold', type: 'wait', parameters: wait },
      { id: 'after', type: 'set', parameters: { fields: { n: '{{ $json.body.n }}' } } }
    ],
    connections: [{ from: 'in', to: 'note' }, { from: 'note', to: 'hold' }, { from: 'hold', output: 'resumed', to: 'after' }],
    settings: {}
  }
}

/** in → note → first (POST /first) → call (POST /call) → after. */
export function callingWorkflow (url: string, path = 'calling'): object {
  const request = (id: string): object => ({ id, type: 'httpRequest', parameters: { method: 'POST', url: `${url}/${id}`, body: { n: '{{ $json.n }}' } } })
  return {
    name: `Calling ${path}`,
    nodes: [
      { id: 'in', type: 'webhook', parameters: { method: 'POST', path, response: 'immediate' } },
      { id: 'note', type: 'set', parameters: { fields: { n: '{{ $json.body.n }}' } } },
      request('first'),
      request('call'),
      { id: 'after', type: 'set', parameters: { fields: { done: true } } }
    ],
    connections: [{ from: 'in', to: 'note' }, { from: 'note', to: 'first' }, { from: 'first', to: 'call' }, { from: 'call', to: 'after' }],
    settings: {}
  }
}

export const POISON = 13

/** in → gate: `n` 13 kills the process that runs it, the others are tagged. */
export const poisonWorkflow = {
  name: 'Poison in a batch',
  nodes: [
    { id: 'in', type: 'webhook', parameters: { path: 'batch' } },
    { id: 'gate', type: 'if', parameters: { condition: `{{ $json.body.n === ${POISON} }}` } },
    { id: 'boom', type: 'crash' },
    { id: 'tag', type: 'set', parameters: { fields: { tier: 'gold' } } }
  ],
  connections: [{ from: 'in', to: 'gate' }, { from: 'gate', output: 'true', to: 'boom' }, { from: 'gate', output: 'false', to: 'tag' }],
  settings: {}
}

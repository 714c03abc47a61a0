import t from 'tap'
import { decodeRows, encodeRows } from '../../src/queue/batch-rows.ts'
import type { QueuedExecution } from '../../src/lib/queued-execution.ts'

function execution (id: string, payload: string, origin = ''): QueuedExecution {
  return { id, organizationId: 'organization', workflowId: 'workflow', version: 3, nodeId: 'in', trigger: 'webhook', payload, origin }
}

t.test('rows arrive as they were sent, whatever letters are in them', async t => {
  const executions = [
    execution('a', '{"text":"\u00e4\u2028\ud83d\ude00","line":" "}', '{"rootId":"r"}'),
    execution('b', 'null'),
    execution('c', `{"long":"${'\u00df'.repeat(100_000)}"}`)
  ]
  t.same(decodeRows('organization', encodeRows(executions)!), executions)
  t.same(decodeRows('organization', encodeRows([])!), [])
})

t.test('a batch that is too large stays behind', async t => {
  t.equal(encodeRows([execution('a', `"${'x'.repeat(5 * 1024 * 1024)}"`)]), undefined)
})

t.test('bytes of another origin, or a part of them only, are no rows', async t => {
  t.equal(decodeRows('organization', Buffer.from('nonsense')), undefined)
  t.equal(decodeRows('organization', encodeRows([execution('a', '{"b":1}')])!.subarray(0, -2)), undefined)
})

import t from 'tap'
import { startCallee } from '../support/callee.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { POISON, poisonWorkflow } from '../support/fault-workflows.ts'
import { crashEntrypoints, DEATHS, onlyPoisonFailed } from '../support/poison.ts'
import { supervise } from '../support/supervise.ts'

const MATES = 30
const LIMIT = 90_000

/** The same behind a call, and with a call after it that the others are in when the process dies. */
function calling (url: string): object {
  const call = (id: string): object => ({ id, type: 'httpRequest', parameters: { method: 'POST', url: `${url}/${id}` } })
  return {
    ...poisonWorkflow,
    name: 'Poison behind a call',
    nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'calling' } }, call('first'), { id: 'gate', type: 'if', parameters: { condition: `{{ $('in').item.json.body.n === ${POISON} }}` } }, { id: 'boom', type: 'crash' }, call('last')],
    connections: [{ from: 'in', to: 'first' }, { from: 'first', to: 'gate' }, { from: 'gate', output: 'true', to: 'boom' }, { from: 'gate', output: 'false', to: 'last' }]
  }
}

t.test('an execution that kills its worker each time is taken over three times, then it fails', { skip: missing('database', 'redis') }, async t => {
  const callee = await startCallee(t)
  const service = await deploySeparate(t, { entrypoints: crashEntrypoints, workers: 0 })
  const client = await service.client()
  const workflow = await client.publish(calling(callee.url))
  for (let n = 0; n < MATES; n++) await client.start('calling', { n })
  const workers = supervise(t, async () => await service.startWorker())
  onlyPoisonFailed(t, await client.allFinished(workflow.id, MATES, LIMIT), MATES)
  await workers.stop()
  t.equal(workers.deaths, DEATHS)
})

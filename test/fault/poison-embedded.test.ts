import t from 'tap'
import { deployEmbedded } from '../support/deployment.ts'
import { POISON, poisonWorkflow } from '../support/fault-workflows.ts'
import { crashEntrypoints, DEATHS } from '../support/poison.ts'
import { until } from '../support/service-process.ts'
import { supervise } from '../support/supervise.ts'

const LIMIT = 100_000
const MATES = [POISON - 2, POISON - 1, POISON, POISON + 1, POISON + 2]

t.test('embedded: an execution that kills the process each time', async t => {
  const service = await deployEmbedded(t, {}, crashEntrypoints)
  const client = await service.client()
  const workflow = await client.publish(poisonWorkflow)
  const first = service.api
  await Promise.all(MATES.map(async n => { await client.start('batch', { n }).catch(() => undefined) }))
  await first.exit
  const processes = supervise(t, async () => await service.startApi())
  const executions = await until('all have ended', async () => {
    const all = await client.executions({ workflowId: workflow.id }).catch(() => [])
    return all.length > 0 && all.every(({ finishedAt }) => finishedAt !== null) && all
  }, LIMIT)
  await processes.stop()
  t.match(executions.filter(({ status }) => status !== 'succeeded'), [{ status: 'failed', error: { code: 'WC_EXECUTION_CRASHED' } }])
  t.equal(processes.deaths + 1, DEATHS)
})

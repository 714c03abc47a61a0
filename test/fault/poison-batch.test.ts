import t from 'tap'
import { deploySeparate, missing } from '../support/deployment.ts'
import { poisonWorkflow } from '../support/fault-workflows.ts'
import { crashEntrypoints, DEATHS, onlyPoisonFailed } from '../support/poison.ts'
import { supervise } from '../support/supervise.ts'

const MATES = 30
const LIMIT = 90_000
/** Until the queue notices the death of a worker, 15 s, the batch as a whole may be begun again. */
const MOST_DEATHS = DEATHS + 15

t.test('an execution that kills its worker before anything of its batch was secured', { skip: missing('database', 'redis') }, async t => {
  const service = await deploySeparate(t, { entrypoints: crashEntrypoints, workers: 0 })
  const client = await service.client()
  const workflow = await client.publish(poisonWorkflow)
  for (let n = 0; n < MATES; n++) await client.start('batch', { n })
  const workers = supervise(t, async () => await service.startWorker())
  onlyPoisonFailed(t, await client.allFinished(workflow.id, MATES, LIMIT), MATES)
  await workers.stop()
  t.ok(workers.deaths >= DEATHS && workers.deaths <= MOST_DEATHS, `${workers.deaths} deaths`)
})

import t from 'tap'
import { deployEmbedded, deploySeparate, missing } from '../support/deployment.ts'
import { peakMemory, sendLargeData } from '../support/large-data.ts'

const LIMIT = 512

t.test('large data, with a worker of its own', { skip: missing('database', 'redis') }, async t => {
  const deployment = await deploySeparate(t)
  const [worker] = deployment.workers
  const idle = await peakMemory(worker!.pid)
  await sendLargeData(t, deployment)
  const peak = await peakMemory(worker!.pid)
  t.comment(`worker: ${idle.toFixed(0)} MiB idle, ${peak.toFixed(0)} MiB at most; API: ${(await peakMemory(deployment.api.pid)).toFixed(0)} MiB at most`)
  t.notOk(peak > LIMIT, `the worker held ${peak.toFixed(0)} MiB at most`)
})

t.test('large data, in one process on the embedded database', async t => {
  const deployment = await deployEmbedded(t)
  await sendLargeData(t, deployment)
  t.comment(`${(await peakMemory(deployment.api.pid)).toFixed(0)} MiB at most`)
})

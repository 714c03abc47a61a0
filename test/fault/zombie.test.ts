import t from 'tap'
import { ApiClient } from '../support/api-client.ts'
import { startCallee } from '../support/callee.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { callingWorkflow } from '../support/fault-workflows.ts'
import { countHistories } from '../support/histories.ts'
import { entrypoints, freePort, startProcess, until } from '../support/service-process.ts'

t.test('a worker that slept past its lease cannot write', { skip: missing('database', 'redis') }, async t => {
  const callee = await startCallee(t)
  const service = await deploySeparate(t, { workers: 0 })
  const client = await service.client()
  // With a port, so that it can be asked what it counted.
  const port = await freePort()
  const zombie = startProcess(t, 'zombie', entrypoints.all, { ...service.env, PORT: String(port) })
  await zombie.says('WeConnect is ready')
  const asked = new ApiClient(`http://127.0.0.1:${port}`)
  await client.publish(callingWorkflow(callee.url))

  callee.hold = true
  const id = await client.start('calling', { n: 1 })
  await until('the first call is under way', () => callee.callsTo('/first').length === 1)
  const writersBefore = await writers(id)
  zombie.suspend()
  // The answer waits in the zombie's socket: with it, the end of this call, the start of the next and the end of that become appends.
  callee.hold = false
  await service.startWorker()
  const execution = await client.finished(id)
  t.equal(execution.status, 'succeeded', 'another worker finished it')
  const history = await segments(id)
  const calls = callee.calls.length

  zombie.resume()
  await until('the zombie was refused, and counted it', async () => await asked.metric('weconnect_appends_refused_total') > 0)
  await until('it holds nothing any more', async () => await asked.metric('weconnect_executions_running') === 0)
  t.same(await segments(id), history, 'nothing was written by it')
  t.equal(history.filter(({ status }) => status !== null).length, 1, 'one end')
  t.equal(new Set(history.slice(writersBefore.length).map(({ writer }) => writer)).size, 1, 'one writer after the take-over')
  t.ok(!writersBefore.includes(history.at(-1)!.writer))
  t.equal(callee.calls.slice(0, calls).filter(({ key }) => key === `${id}:first:0:0`).length, 2, 'the call in flight was made again')
  t.equal(callee.calls.filter(({ key }) => key === `${id}:call:0:0`).length, 1, 'and the zombie made none of the next')
  t.match(await countHistories(service.sql), { broken: 0, leases: 0 })
  t.ok(zombie.isAlive)

  async function segments (executionId: string): Promise<Array<{ seq: number, writer: string, status: string | null }>> {
    return [...await service.sql<Array<{ seq: number, writer: string, status: string | null }>>`select seq, writer, status from execution_events where execution_id = ${executionId} order by seq`]
  }

  async function writers (executionId: string): Promise<string[]> {
    return (await segments(executionId)).map(({ writer }) => writer)
  }
})

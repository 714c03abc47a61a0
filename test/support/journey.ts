import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Test } from 'tap'
import type { ApiClient } from './api-client.ts'
import { ApiClient as Client } from './api-client.ts'
import { startCallee, type Callee } from './callee.ts'
import type { Deployment } from './deployment.ts'
import { callingWorkflow, pureWorkflow } from './fault-workflows.ts'
import { until } from './service-process.ts'
import { openTail } from './tail-client.ts'

const MISSED = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'

/** What every mode must do for its clients, from a first webhook to a tail that outlives the process. */
export async function journey (t: Test, service: Deployment): Promise<void> {
  const client = await service.client()
  const callee = await startCallee(t)
  await t.test('a real GitHub webhook through an imported workflow', async t => { await githubWebhook(t, client) })
  await t.test('response modes', async t => { await responseModes(t, client, callee) })
  await t.test('lists of executions and their filters', async t => { await lists(t, client) })
  await t.test('cancel', async t => { await cancel(t, client, callee) })
  await t.test('publish, unpublish, roll back', async t => { await publication(t, client, callee) })
  await t.test('idempotency key of a manual start', async t => { await manualStart(t, client) })
  await t.test('organizations do not see each other', async t => { await isolation(t, client, service.address) })
  await t.test('the tail has no gap across a kill -9', async t => { await tailAcrossKill(t, client, callee, service) })
}

async function githubWebhook (t: Test, client: ApiClient): Promise<void> {
  const file = JSON.parse(await readFile(new URL('../../examples/github-triage.json', import.meta.url), 'utf8'))
  file.workflow.nodes[0].parameters.path = 'github-journey/:team'
  const imported = await client.request('POST', '/v1/workflows/import', file)
  t.equal(imported.status, 201)
  await client.call('POST', `/v1/workflows/${imported.body.id}/publish`, {})
  const payload = (createRequire(import.meta.url)('@octokit/webhooks-examples') as Array<{ name: string, examples: Array<{ action?: string, issue: { title: string, number: number } }> }>)
    .find(({ name }) => name === 'issues')!.examples.find(({ action }) => action === 'opened')!
  const answer = await client.hook('github-journey/core', payload, { 'x-github-event': 'issues', 'x-github-delivery': MISSED, 'user-agent': 'GitHub-Hookshot/f05835d' })
  t.equal(answer.status, 202)
  t.equal(answer.headers.get('x-execution-id'), answer.body.executionId)
  const id = answer.body.executionId
  t.match(await client.finished(id), { status: 'succeeded', trigger: 'webhook', version: 1, workflowId: imported.body.id, error: null, startedAt: String, finishedAt: String })
  const steps = await client.steps(id)
  const item = steps.get('in')!.outputs['main']![0]!.json
  t.match(item, { method: 'POST', path: 'github-journey/core', params: { team: 'core' }, query: {}, headers: { 'x-github-event': 'issues', 'x-github-delivery': MISSED } })
  t.same(item['body'], payload, 'the payload as GitHub sent it')
  t.match(steps.get('issue'), { status: 'succeeded', attempt: 1, run: 0 })
  t.match(steps.get('issue')!.outputs['main']![0]!.json, { kind: 'issue', title: `#${payload.issue.number} ${payload.issue.title}` })
  t.equal(steps.get('pull')?.status, 'skipped', 'the branch not taken')
  const events = await client.events(id)
  t.same(events.map(({ seq }) => seq), events.map((_, index) => index + 1))
  t.equal(events[0]!.type, 'execution.queued')
  t.equal(events.at(-1)!.type, 'execution.succeeded')
}

function answering (response: string, path: string, url: string, responseTimeout = '30s'): object {
  return {
    name: `Answering ${path}`,
    nodes: [
      { id: 'in', type: 'webhook', parameters: { path, response, responseTimeout } },
      { id: 'call', type: 'httpRequest', parameters: { url: `${url}/answering` } },
      ...response === 'respondNode'
        ? [{ id: 'answer', type: 'respond', parameters: { status: 201, headers: { 'X-Made': 'yes' }, body: { got: "{{ $('in').item.json.body.n }}" } } }]
        : [{ id: 'answer', type: 'set', parameters: { fields: { got: "{{ $('in').item.json.body.n }}" }, keep: 'none' } }]
    ],
    connections: [{ from: 'in', to: 'call' }, { from: 'call', to: 'answer' }],
    settings: {}
  }
}

async function responseModes (t: Test, client: ApiClient, callee: Callee): Promise<void> {
  await client.publish(answering('lastStep', 'last', callee.url))
  await client.publish(answering('respondNode', 'respond', callee.url))
  const last = await client.hook('last', { n: 7 })
  t.match({ status: last.status, body: last.body }, { status: 200, body: [{ json: { got: 7 } }] }, 'the items of the last step')
  const responded = await client.hook('respond', { n: 8 })
  t.match({ status: responded.status, body: responded.body, made: responded.headers.get('x-made') }, { status: 201, body: { got: 8 }, made: 'yes' })
  for (const [response, path] of [['lastStep', 'last-late'], ['respondNode', 'respond-late']] as const) {
    await client.publish(answering(response, path, callee.url, '700ms'))
    callee.hold = true
    const late = await client.hook(path, { n: 9 })
    t.equal(late.status, 202, 'at the response timeout, before the workflow is done')
    callee.hold = false
    t.equal((await client.finished(late.body.executionId)).status, 'succeeded', 'the workflow goes on')
  }
}

async function lists (t: Test, client: ApiClient): Promise<void> {
  const { id: workflowId } = await client.publish(pureWorkflow('listed'))
  const failing = await client.publish({ ...pureWorkflow('failing'), nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'failing' } }, { id: 'end', type: 'stop', parameters: { message: 'No' } }], connections: [{ from: 'in', to: 'end' }] })
  const before = new Date().toISOString()
  // The service follows the database's clock, which it knows to some milliseconds.
  await new Promise(resolve => setTimeout(resolve, 200))
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push(await client.start('listed', { n }))
  const failed = await client.start('failing')
  await client.allFinished(workflowId, 5)
  t.match(await client.finished(failed), { status: 'failed', error: { code: 'WC_STOPPED', message: 'No', nodeId: 'end' } })
  t.same((await client.executions({ workflowId })).map(({ id }) => id), ids.toReversed(), 'the newest first')
  t.same((await client.executions({ workflowId, limit: '2' })).length, 5, 'over pages')
  t.equal((await client.executions({ workflowId, status: 'succeeded' })).length, 5)
  t.same(await client.executions({ workflowId, status: 'failed' }), [])
  t.same((await client.executions({ workflowId: failing.id, status: 'failed', trigger: 'webhook' })).map(({ id }) => id), [failed])
  t.same(await client.executions({ workflowId, trigger: 'manual' }), [])
  t.equal((await client.executions({ workflowId, from: before })).length, 5)
  t.same(await client.executions({ workflowId, to: before }), [])
}

async function cancel (t: Test, client: ApiClient, callee: Callee): Promise<void> {
  await client.publish(callingWorkflow(callee.url, 'cancelled'))
  callee.hold = true
  const before = callee.calls.length
  const id = await client.start('cancelled', { n: 1 })
  await until('the call is under way', () => callee.calls.length > before)
  await until('it is shown as running', async () => (await client.execution(id)).status === 'running')
  const began = Date.now()
  t.equal((await client.request('POST', `/v1/executions/${id}/cancel`, {})).status, 202)
  await until('the running call is aborted', () => callee.calls.at(-1)!.aborted, 5000, 5)
  t.comment(`after ${Date.now() - began} ms`)
  t.equal((await client.finished(id)).status, 'cancelled')
  t.equal((await client.events(id)).at(-1)!.type, 'execution.cancelled')
  t.equal((await client.steps(id)).get('first')!.status, 'cancelled')
  t.equal((await client.request('POST', `/v1/executions/${id}/cancel`, {})).status, 409, 'once it is over')
  callee.hold = false
}

async function publication (t: Test, client: ApiClient, callee: Callee): Promise<void> {
  const workflow = callingWorkflow(callee.url, 'versioned') as { nodes: Array<{ id: string, parameters: Record<string, unknown> }> }
  const { id } = await client.publish(workflow)
  callee.hold = true
  const calls = callee.calls.length
  const old = await client.start('versioned', { n: 1 })
  await until('the old version is in its call', () => callee.calls.length > calls)
  const changed = { ...workflow, nodes: workflow.nodes.map(node => node.id === 'after' ? { ...node, parameters: { fields: { done: 'second version' } } } : node) }
  await client.call('PUT', `/v1/workflows/${id}`, changed)
  await client.call('POST', `/v1/workflows/${id}/publish`, {})
  callee.hold = false
  const young = await client.start('versioned', { n: 2 })
  const done = async (execution: string): Promise<unknown> => (await client.steps(execution)).get('after')!.outputs['main']![0]!.json['done']
  t.match(await client.finished(old), { status: 'succeeded', version: 1 }, 'what runs keeps its version')
  t.equal(await done(old), true)
  t.match(await client.finished(young), { status: 'succeeded', version: 2 })
  t.equal(await done(young), 'second version')

  await client.call('POST', `/v1/workflows/${id}/unpublish`, {})
  t.equal((await client.hook('versioned')).status, 404)
  await client.call('POST', `/v1/workflows/${id}/publish`, {})
  t.match(await client.finished(await client.start('versioned', { n: 3 })), { status: 'succeeded', version: 2 })
  await client.call('POST', `/v1/workflows/${id}/rollback`, {})
  t.match(await client.finished(await client.start('versioned', { n: 4 })), { status: 'succeeded', version: 1 })
}

async function manualStart (t: Test, client: ApiClient): Promise<void> {
  const { id } = await client.call('POST', '/v1/workflows', {
    name: 'By hand', nodes: [{ id: 'go', type: 'manual' }, { id: 'double', type: 'set', parameters: { fields: { double: '{{ $json.n * 2 }}' } } }], connections: [{ from: 'go', to: 'double' }], settings: {}
  })
  const key = { 'idempotency-key': `start-${id}` }
  const starts = await Promise.all([1, 2, 3].map(async () => await client.request('POST', `/v1/workflows/${id}/executions`, { input: { n: 21 } }, key)))
  const again = await until('the answer is kept', async () => {
    const answer = await client.request('POST', `/v1/workflows/${id}/executions`, { input: { n: 21 } }, key)
    return answer.status === 202 && answer
  })
  t.same([...new Set(starts.filter(({ status }) => status === 202).map(({ body }) => body.executionId))], [again.body.executionId])
  t.same(starts.filter(({ status }) => status !== 202 && status !== 409), [])
  t.equal((await client.request('POST', `/v1/workflows/${id}/executions`, { input: { n: 22 } }, key)).status, 422, 'not for another request')
  t.match(await client.finished(again.body.executionId), { status: 'succeeded', trigger: 'manual' })
  t.equal((await client.steps(again.body.executionId)).get('double')!.outputs['main']![0]!.json['double'], 42)
  t.equal((await client.executions({ workflowId: id })).length, 1)
}

async function isolation (t: Test, client: ApiClient, address: string): Promise<void> {
  const other = await Client.register(address, 'Stranger')
  t.not(other.slug, client.slug)
  const { id: workflowId } = await client.publish(pureWorkflow('mine'))
  const id = await client.start('mine', { n: 1 })
  await client.finished(id)
  for (const path of [`/v1/workflows/${workflowId}`, `/v1/executions/${id}`, `/v1/executions/${id}/steps`, `/v1/executions/${id}/events`, `/v1/executions/${id}/logs`, `/v1/workflows/${workflowId}/versions`]) {
    t.equal((await other.request('GET', path)).status, 404, path)
  }
  for (const [method, path] of [['POST', `/v1/workflows/${workflowId}/executions`], ['POST', `/v1/executions/${id}/cancel`], ['POST', `/v1/workflows/${workflowId}/unpublish`]] as const) {
    t.equal((await other.request(method, path, {})).status, 404, `${method} ${path}`)
  }
  t.equal((await other.request('DELETE', `/v1/workflows/${workflowId}`)).status, 404)
  t.same(await other.executions(), [])
  t.equal((await other.hook('mine')).status, 404, 'and the paths of webhooks are apart')
  await other.publish(pureWorkflow('mine'))
  const theirs = await other.start('mine', { n: 2 })
  await other.finished(theirs)
  t.same((await other.executions()).map(execution => execution.id), [theirs])
  t.equal((await client.request('GET', `/v1/executions/${theirs}`)).status, 404)
  const tail = await openTail(t, other)
  tail.send({ type: 'subscribe', id: 's', executionId: id, after: null })
  t.match(await until('the tail answers', () => tail.others[0]), { type: 'error', id: 's' })
  t.same(tail.events, [])
  tail.close()
}

async function tailAcrossKill (t: Test, client: ApiClient, callee: Callee, service: Deployment): Promise<void> {
  await client.publish(callingWorkflow(callee.url, 'tailed'))
  callee.hold = true
  const calls = callee.calls.length
  const id = await client.start('tailed', { n: 1 })
  const { ticket } = await client.call('POST', '/v1/tail/tickets', {})
  const first = await openTail(t, client, `?ticket=${ticket}`)
  first.send({ type: 'subscribe', id: 's', executionId: id, after: null })
  await until('the start of the call is tailed', () => first.events.some(({ event }) => event.type === 'step.started'))
  await until('the call is under way', () => callee.calls.length > calls)
  await t.rejects(openTail(t, client, `?ticket=${ticket}`), /401/, 'a ticket opens one connection')
  await Promise.all([service.api.kill(), ...service.workers.map(async worker => { await worker.kill() })])
  await first.closed
  callee.hold = false
  await service.startApi()
  if (service.workers.length > 0) await service.startWorker()

  const second = await openTail(t, client)
  second.send({ type: 'subscribe', id: 's', executionId: id, after: first.events.at(-1)!.seq })
  await until('the end is tailed', () => second.events.some(({ event }) => event.type === 'execution.succeeded'))
  const seen = [...first.events, ...second.events]
  t.same(seen.map(({ seq }) => seq), seen.map((_, index) => index + 1), 'without gap or repeat')
  t.ok(seen.every(({ executionId }) => executionId === id))
  t.same(seen.map(({ seq, event }) => ({ seq, type: event.type })), await client.events(id), 'what the table says')
  second.close()
}

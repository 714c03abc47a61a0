import { styleText } from 'node:util'
import { formatEvent } from '../cli/format-event.ts'
import { complaints, type Outcome } from './check.ts'
import { createClient, type Client } from './client.ts'
import { startListener, type Listener, type Notification } from './listener.ts'
import { demoRequests, type DemoRequest } from './payloads.ts'
import { startService, type DemoService } from './service.ts'
import { watchOrganization, type Watch } from './watch.ts'

export interface Stage {
  readonly colours: boolean
  print (line: string): void
}

/** How long an execution may take to be seen finished, milliseconds. */
const PATIENCE = 15_000

/** The whole of it. Throws with a reason for people where anything is not as it should be. */
export async function runDemo (stage: Stage): Promise<void> {
  const began = performance.now()
  const requests = await demoRequests()
  const listener = await startListener()
  try {
    const service = await startService()
    try {
      stage.print(styled(stage, 'bold', `WeConnect runs at ${service.url}, on an embedded database, after ${seconds(performance.now() - began)}`))
      const outcomes = await play(service, listener, requests, stage)
      summarise(outcomes, listener.heard, stage)
      const found = complaints(outcomes, listener.heard)
      if (found.length > 0) throw new Error(found.join('\n  '))
      stage.print(styled(stage, 'green', `\nAll of it as it should be, in ${seconds(performance.now() - began)}.`))
    } finally {
      await service.close()
    }
  } finally {
    await listener.close()
  }
}

async function play ({ url, apiKey, organizationSlug }: DemoService, listener: Listener, requests: readonly DemoRequest[], stage: Stage): Promise<Outcome[]> {
  const client = createClient(url, apiKey)
  await client.setVariable('notifyUrl', listener.url)
  stage.print(`Its examples are published, and $vars.notifyUrl leads to a server of this demo, ${listener.url}\n`)
  const watch = await watchOrganization(url, apiKey, event => { stage.print(formatEvent(event, { colours: stage.colours, showExecution: true })) })
  try {
    return await Promise.all(requests.map(async request => await send(client, organizationSlug, watch, request)))
  } finally {
    watch.close()
  }
}

async function send (client: Client, slug: string, watch: Watch, request: DemoRequest): Promise<Outcome> {
  const sent = performance.now()
  const answer = await client.post(slug, request)
  const ended = await inTime(watch.ended(answer.executionId), `${request.title}: the execution ${answer.executionId} was not seen to end within ${seconds(PATIENCE)}`)
  const [execution, steps] = await Promise.all([client.execution(answer.executionId), client.steps(answer.executionId)])
  return { request, answer, execution, steps, took: ended - sent }
}

async function inTime<T> (work: Promise<T>, complaint: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error(complaint)) }, PATIENCE) })
  return await Promise.race([work, late]).finally(() => { clearTimeout(timer) })
}

function summarise (outcomes: readonly Outcome[], heard: readonly Notification[], stage: Stage): void {
  stage.print(styled(stage, 'bold', `\n${'execution'.padEnd(36)}  answer  steps  POST to end`))
  for (const { request, answer, execution, steps, took } of outcomes) {
    stage.print(`${execution.id}  ${String(answer.status).padStart(6)}  ${String(steps.length).padStart(5)}  ${`${Math.round(took)} ms`.padStart(11)}  ${request.title}`)
  }
  const steps = outcomes.reduce((sum, outcome) => sum + outcome.steps.length, 0)
  stage.print(`\n${outcomes.length} executions, ${steps} steps. The notified server heard:`)
  for (const { body, idempotencyKey } of heard) {
    stage.print(`  ${body.kind}: ${body.title} (${body.repository})`)
    stage.print(styled(stage, 'gray', `    idempotency key ${idempotencyKey}`))
  }
}

function styled ({ colours }: Stage, style: Parameters<typeof styleText>[0], text: string): string {
  return colours ? styleText(style, text) : text
}

function seconds (milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

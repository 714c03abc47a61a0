import type { Answer, Execution, Step } from './client.ts'
import type { Notification } from './listener.ts'
import type { DemoRequest } from './payloads.ts'

export interface Outcome {
  readonly request: DemoRequest
  readonly answer: Answer
  readonly execution: Execution
  readonly steps: readonly Step[]
  /** From sending the request to seeing its last event, milliseconds. */
  readonly took: number
}

/** What is not as it should be, for people; empty when all is well. */
export function complaints (outcomes: readonly Outcome[], heard: readonly Notification[]): string[] {
  const expected = outcomes.map(({ request }) => request.notifies).filter(kind => kind !== undefined).sort()
  const kinds = heard.map(({ body }) => body.kind).sort()
  return [
    ...outcomes.flatMap(complaintsOf),
    ...(expected.join() === kinds.join() ? [] : [`the notified server heard [${kinds.join(', ')}] instead of [${expected.join(', ')}]`]),
    ...heard.filter(({ idempotencyKey }) => idempotencyKey === '').map(({ body }) => `the notification of a ${body.kind} had no Idempotency-Key`)
  ]
}

function complaintsOf ({ request: { title, answers, notifies }, answer, execution, steps }: Outcome): string[] {
  const found: string[] = []
  if (execution.status !== 'succeeded') found.push(`${title}: the execution ${execution.status}: ${execution.error?.message ?? ''}`)
  if (answer.status !== (answers?.status ?? 202)) found.push(`${title}: answered ${answer.status}`)
  const body = answered(answer)
  for (const [name, value] of Object.entries(answers?.body ?? {})) {
    if (body[name] !== value) found.push(`${title}: answered ${name} = ${JSON.stringify(body[name])} instead of ${JSON.stringify(value)}`)
  }
  if (notifies !== undefined && !steps.some(({ nodeId, status }) => nodeId === 'notified' && status === 'succeeded')) {
    found.push(`${title}: nobody was notified`)
  }
  return found
}

/** What a `respond` node said, or the first item of the last step. */
function answered ({ body }: Answer): Readonly<Record<string, unknown>> {
  return Array.isArray(body) ? (body as ReadonlyArray<{ readonly json: Record<string, unknown> }>)[0]?.json ?? {} : body as Record<string, unknown>
}

import { Type } from '@sinclair/typebox'
import { duration, STATIC } from '../schemas.ts'
import { momentAfter } from './moments.ts'
import { defineWaitingNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'

const TIMED_OUT = 'timedOut'
export const DEFAULT_CHOICES = ['approve', 'reject'] as const

const ApprovalParameters = Type.Object({
  choices: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }), {
    title: 'Choices', description: 'What can be decided; each is an output.', minItems: 1, maxItems: 20, uniqueItems: true, default: [...DEFAULT_CHOICES], ...STATIC
  })),
  message: Type.Optional(Type.String({ title: 'Message', description: 'What is to be decided, for those who decide.', maxLength: 10_000 })),
  timeout: Type.Optional(duration({ title: 'Timeout', description: 'How long to wait for a decision; then the items leave by timedOut.' }))
}, { additionalProperties: false })

export const approval = defineWaitingNode({
  type: 'approval',
  title: 'Approval',
  description: 'Waits until somebody decides, by a link of $execution.approvalUrls or over the API.',
  icon: 'user-check',
  category: 'flow',
  effects: 'none',
  parameters: ApprovalParameters,
  outputs: parameters => [...choicesOf(parameters), TIMED_OUT],
  awaits: () => 'approval',
  check: ({ choices }) => reservedIssues(choices),
  run ({ parameters, now }) {
    const { choices = DEFAULT_CHOICES, message, timeout } = parameters(0)
    return {
      suspend: {
        kind: 'approval',
        choices,
        ...(message === undefined || message === null ? {} : { message: String(message) }),
        ...(timeout === undefined ? {} : { until: momentAfter(now(), timeout, '/timeout') })
      }
    }
  },
  resume ({ items }, resumption) {
    if (resumption.kind !== 'message' || resumption.message.kind !== 'approval') return { outputs: { [TIMED_OUT]: items.map((_item, from) => ({ from })) } }
    const { approval } = resumption.message
    return { outputs: { [approval.choice]: items.map((_item, from) => ({ from, patch: { approval } })) } }
  }
})

/** What can be decided, by these unevaluated parameters. */
export function choicesOf ({ choices }: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(choices) ? choices.map(String) : DEFAULT_CHOICES
}

function reservedIssues (choices: unknown): readonly ParameterIssue[] {
  if (!Array.isArray(choices)) return []
  return choices.flatMap((choice, index) => choice === TIMED_OUT || choice === 'error'
    ? [{ pointer: `/choices/${index}`, message: 'is the name of another output', code: 'WC_APPROVAL_CHOICE' }]
    : [])
}

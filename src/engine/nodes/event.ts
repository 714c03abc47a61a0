import { Type } from '@sinclair/typebox'
import { EXECUTION_EVENTS } from '../events.ts'
import { STATIC } from '../schemas.ts'
import { defineNode, type ParameterIssue } from './node-type.ts'
import { namedWorkflow, workflowIdIssues } from './workflow-reference.ts'

export const EVENT_NAME_PATTERN = '^[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*$'
export const MAX_EVENT_NAME = 128

export const event = defineNode({
  type: 'event',
  title: 'Event',
  description: 'Starts when an event of that name is published, or an execution of another workflow ends; emits { name, payload, at }.',
  icon: 'radio',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: Type.Object({
    name: Type.String({
      title: 'Name',
      description: 'Of the events that start it: what POST /v1/events names, or execution.succeeded, execution.failed, execution.cancelled or execution.timedOut.',
      pattern: EVENT_NAME_PATTERN,
      maxLength: MAX_EVENT_NAME,
      examples: ['order.placed', 'customer.deleted', 'execution.failed'],
      ...STATIC
    }),
    workflowId: Type.Optional(Type.String({ title: 'Workflow', description: 'Only executions of this workflow. By default those of all others.', maxLength: 64, ...STATIC }))
  }, { additionalProperties: false }),
  workflows: parameters => namedWorkflow(parameters, 'source'),
  check: parameters => [...workflowIdIssues(parameters), ...sourceIssues(parameters)],
  run: ({ items }) => ({ outputs: { main: items.map((_item, index) => ({ from: index })) } })
})

function sourceIssues ({ name, workflowId }: Readonly<Record<string, unknown>>): readonly ParameterIssue[] {
  if (workflowId === undefined || EXECUTION_EVENTS.includes(String(name))) return []
  return [{ pointer: '/workflowId', message: 'is for the ends of executions only: what is published by a name comes from no workflow', code: 'WC_EVENT_SOURCE' }]
}

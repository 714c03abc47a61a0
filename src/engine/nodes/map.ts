import { Type } from '@sinclair/typebox'
import { anyValue, oneOf, STATIC } from '../schemas.ts'
import { FAILED_OUTPUT, FILES, resumeAwaited, startAwaited, type ChildrenRules } from './children-of-items.ts'
import { defineWaitingNode } from './node-type.ts'
import { namedWorkflow, workflowIdIssues } from './workflow-reference.ts'

const DEFAULT_CONCURRENCY = 10

export const map = defineWaitingNode({
  type: 'map',
  title: 'Map',
  description: 'Runs a sub-workflow for each item, so many at once, and goes on with all that they have to show, in the order of the items.',
  icon: 'git-fork',
  category: 'flow',
  effects: 'none',
  startsExecutions: true,
  parameters: Type.Object({
    workflowId: Type.String({ title: 'Workflow', description: 'The id of a published workflow with a subWorkflowTrigger.', minLength: 1, maxLength: 10_000 }),
    input: Type.Optional(anyValue({ title: 'Input', description: 'What the sub-workflow starts with, an object. By default the item.' })),
    files: FILES,
    maxConcurrency: Type.Optional(Type.Integer({ title: 'At once', description: 'How many run at once.', minimum: 1, maximum: 100, default: DEFAULT_CONCURRENCY, ...STATIC })),
    onItemError: Type.Optional(oneOf(['stop', 'skip', 'collect'], {
      title: 'On an item’s error', description: 'stop: the step fails, and the others are cancelled. skip: the item is left out. collect: the item leaves by failed, with its error.', default: 'stop', ...STATIC
    }))
  }, { additionalProperties: false }),
  outputs: ({ onItemError }) => onItemError === 'collect' ? ['main', FAILED_OUTPUT] : ['main'],
  workflows: parameters => namedWorkflow(parameters, 'subWorkflow'),
  check: workflowIdIssues,
  run: async context => await startAwaited(context, rulesOf(context.parameters(0))),
  resume: (context, resumption) => resumeAwaited(context, rulesOf(context.parameters(0)), resumption)
})

function rulesOf ({ maxConcurrency = DEFAULT_CONCURRENCY, onItemError = 'stop' }: Partial<ChildrenRules>): ChildrenRules {
  return { maxConcurrency, onItemError }
}

import { Type } from '@sinclair/typebox'
import { anyValue, STATIC } from '../schemas.ts'
import { FILES, resumeAwaited, startAwaited, startDetached, type ChildrenRules } from './children-of-items.ts'
import { defineWaitingNode } from './node-type.ts'
import { namedWorkflow, workflowIdIssues } from './workflow-reference.ts'

/** Executions of one step that run at once. */
const RULES: ChildrenRules = { maxConcurrency: 50, onItemError: 'stop' }

export const subWorkflow = defineWaitingNode({
  type: 'subWorkflow',
  title: 'Sub-workflow',
  description: 'Runs another workflow for each item, as an execution of its own, and goes on with what it has to show.',
  icon: 'workflow',
  category: 'flow',
  effects: 'none',
  startsExecutions: true,
  parameters: Type.Object({
    workflowId: Type.String({ title: 'Workflow', description: 'The id of a published workflow with a subWorkflowTrigger.', minLength: 1, maxLength: 10_000 }),
    input: Type.Optional(anyValue({ title: 'Input', description: 'What the sub-workflow starts with, an object. By default the item.' })),
    files: FILES,
    wait: Type.Optional(Type.Boolean({ title: 'Wait', description: 'Whether to wait for the result. If not, the items that go on name the executions.', default: true, ...STATIC }))
  }, { additionalProperties: false }),
  workflows: parameters => namedWorkflow(parameters, 'subWorkflow'),
  check: workflowIdIssues,
  run: async context => context.parameters(0).wait === false ? await startDetached(context) : await startAwaited(context, RULES),
  resume: (context, resumption) => resumeAwaited(context, RULES, resumption)
})

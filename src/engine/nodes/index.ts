import { approval } from './approval.ts'
import { code } from './code.ts'
import { dataNodes } from './data/index.ts'
import { error } from './error.ts'
import { event } from './event.ts'
import { fileNodes } from './files/index.ts'
import { filter } from './filter.ts'
import { httpRequest } from './http-request.ts'
import { ifNode } from './if.ts'
import { loop } from './loop.ts'
import { manual } from './manual.ts'
import { map } from './map.ts'
import { merge } from './merge.ts'
import { noOp } from './no-op.ts'
import type { NodeType } from './node-type.ts'
import { outsideNodes } from './outside/index.ts'
import { poll } from './poll.ts'
import { respond } from './respond.ts'
import { schedule } from './schedule.ts'
import { set } from './set.ts'
import { stop } from './stop.ts'
import { subWorkflow } from './sub-workflow.ts'
import { subWorkflowTrigger } from './sub-workflow-trigger.ts'
import { switchNode } from './switch.ts'
import { wait } from './wait.ts'
import { webhook } from './webhook.ts'

/** The node types that come with WeConnect, in the order in which they are shown. */
export const builtinNodes: readonly NodeType[] = [
  webhook, schedule, poll, event, manual, subWorkflowTrigger, error, set, ifNode, switchNode, filter, merge, loop, code, httpRequest, respond, wait, approval, subWorkflow, map, noOp, stop,
  ...outsideNodes,
  ...dataNodes,
  ...fileNodes
]

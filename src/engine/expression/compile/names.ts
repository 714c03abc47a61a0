import { own, run } from '../run.ts'
import { GLOBALS } from '../library/globals.ts'
import { currentTime } from '../library/global-dates.ts'
import { CURRENT_NODES, InputValue, itemData } from '../library/views.ts'
import type { Code } from '../values/function.ts'

function inputs (): InputValue {
  return new InputValue(run.scope.input())
}

const NO_RESPONSE = Object.freeze({ status: 0, headers: Object.freeze({}), body: Object.freeze({}) })

/** Names that depend on what is being worked on. */
export const SCOPE_NAMES: ReadonlyMap<string, Code> = new Map(Object.entries<Code>({
  $json: () => run.scope.json,
  $data: () => run.scope.json,
  $binary: () => run.scope.binary ?? own({}),
  $item: () => itemData(run.scope.item),
  $input: inputs,
  $node: () => CURRENT_NODES,
  $nodes: () => CURRENT_NODES,
  $vars: () => run.scope.vars,
  $workflow: () => run.scope.workflow,
  $execution: () => run.scope.execution,
  $executionId: () => run.scope.execution.id,
  $mode: () => run.scope.execution.mode,
  $resumeWebhookUrl: () => run.scope.execution.resumeUrl,
  $itemIndex: () => run.scope.itemIndex,
  $position: () => run.scope.itemIndex,
  $runIndex: () => run.scope.runIndex,
  $nodeId: () => run.scope.nodeId,
  $response: () => run.scope.page?.response ?? NO_RESPONSE,
  $cursor: () => run.scope.cursor ?? null,
  $pageCount: () => run.scope.page?.count ?? 0,
  $now: () => currentTime(),
  $today: () => currentTime().startOf('day')
}))

/** What may be returned as it is, being the host's own data. */
export const DATA_NAMES: ReadonlySet<string> = new Set(['$json', '$vars'])

/** Names that exist elsewhere and have nothing here: reading them, and anything of them, is undefined. */
export const ABSENT_NAMES: ReadonlySet<string> = new Set([
  '$env', '$credentials', '$secrets', '$fromAI', '$fromAi', '$fromai', '$evaluateExpression', '$getWorkflowStaticData',
  '$request', '$parameter', '$rawParameter', '$connections', '$prevNode', '$jmespath', '$jmesPath',
  '$nodeVersion', '$webhookId', '$getPairedItem', '$self', '$agentInfo', '$tool', '$customData', '$fn'
])

/** All names, for documentation and for the inventory test. */
export function knownNames (): string[] {
  return [...SCOPE_NAMES.keys(), ...GLOBALS.keys(), '$', '$if', '$items'].sort()
}

import { createHash } from 'node:crypto'
import type { Priority } from '../lib/execution-origin.ts'
import type { ConcurrencyLimits, WorkflowSettings } from './definition.ts'
import { compileParameters, type CompiledParameters, type ExpressionScope } from './expression/index.ts'
import type { JsonObject } from './item.ts'

/** A place where only so many executions of an organization run at once. */
export interface SlotNeed {
  /** What is limited, unique in the organization. */
  readonly scope: string
  readonly kind: 'key' | 'workflow' | 'organization'
  readonly limit: number
}

/** Which limits a workflow version sets, compiled once. */
export interface PlanLimits {
  readonly priority: Priority
  /** Undefined where the workflow limits nothing, as most do not. */
  needs? (readItem: () => JsonObject, facts: TriggerFacts): readonly SlotNeed[]
}

/** What a key may be computed from beside the trigger's item. */
export interface TriggerFacts {
  readonly executionId: string
  readonly trigger: string
  readonly nodeId: string
  readonly now: number
}

export interface LimitedWorkflow {
  readonly workflowId: string
  readonly name: string
  readonly version: number
  readonly settings: WorkflowSettings
}

export interface TriggeredWorkflow {
  readonly workflowId: string
  readonly name: string
  readonly version: number
  /** IANA name */
  readonly timeZone: string
}

/** Longer keys are told apart by their hash. */
const LONGEST_KEY = 200
const DEFAULT_KEY_LIMIT = 1

export function compileLimits (workflow: LimitedWorkflow): PlanLimits {
  const { priority = 'normal', concurrency } = workflow.settings
  if (concurrency === undefined || concurrency === null) return { priority }
  const key = concurrency.key === undefined ? undefined : compileParameters({ key: concurrency.key })
  return { priority, needs: (readItem, facts) => needsOf(workflow, concurrency, key, readItem, facts) }
}

/** The narrowest first: who waits for a customer's slot must not keep one of the workflow's from others. */
function needsOf (workflow: LimitedWorkflow, { limit, keyLimit = DEFAULT_KEY_LIMIT }: ConcurrencyLimits, key: CompiledParameters | undefined, readItem: () => JsonObject, facts: TriggerFacts): SlotNeed[] {
  const needs: SlotNeed[] = []
  if (key !== undefined) {
    const { key: value } = key.evaluate(triggerScope({ ...workflow, timeZone: workflow.settings.timeZone ?? 'UTC' }, readItem(), facts)) as { key?: unknown }
    needs.push({ scope: `key:${workflow.workflowId}:${keyText(value)}`, kind: 'key', limit: keyLimit })
  }
  if (limit !== undefined) needs.push({ scope: `workflow:${workflow.workflowId}`, kind: 'workflow', limit })
  return needs
}

/** Values that are equal as JSON are one key; nothing at all is a key too. */
function keyText (value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  return text.length <= LONGEST_KEY ? text.replaceAll('\u0000', '\ufffd') : createHash('sha256').update(text).digest('hex')
}

/** Before anything has run: only the trigger's item is there. */
export function triggerScope ({ workflowId: id, name, version, timeZone }: TriggeredWorkflow, json: JsonObject, facts: TriggerFacts): ExpressionScope {
  const item = { json }
  return {
    json,
    item,
    itemIndex: 0,
    runIndex: 0,
    input: () => ({ all: () => [item], first: () => item, last: () => item, item }),
    node: () => undefined,
    vars: {},
    workflow: { id, name, version, active: true },
    execution: { id: facts.executionId, mode: facts.trigger },
    now: () => facts.now,
    timeZone,
    nodeId: facts.nodeId
  }
}

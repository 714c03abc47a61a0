import type { TSchema } from '@sinclair/typebox'
import { MAX_CONNECTIONS, MAX_NODES, WorkflowDefinition } from './definition.ts'
import type { NodeRegistry } from './nodes/registry.ts'
import { checkConnections } from './validation/connections.ts'
import { readDraft } from './validation/draft.ts'
import { checkExpressions } from './validation/expressions.ts'
import { checkFlow } from './validation/flow.ts'
import { checkSchema } from './validation/json-schema.ts'
import { checkNodes } from './validation/nodes.ts'
import { Report, type Issue, type Stage, type ValidationResult } from './validation/report.ts'
import { checkSettings } from './validation/settings.ts'
import { checkStorable } from './validation/storable.ts'
import { checkTriggers } from './validation/triggers.ts'

export type { Issue, Stage, ValidationResult } from './validation/report.ts'

export interface ValidateOptions {
  /** `save` lets pass, as warnings, what a draft may lack. Default: `publish`. */
  readonly stage?: Stage
  /** The shape of what is given, where it is more than a definition. */
  readonly shape?: TSchema
}

/**
 * Everything that is wrong with a definition, at once, with JSON pointers into it. Takes any value at all;
 * docs/validation.md lists the codes.
 */
export function validateDefinition (definition: unknown, registry: NodeRegistry, { stage = 'publish', shape = WorkflowDefinition }: ValidateOptions = {}): ValidationResult {
  const report = new Report(stage)
  const bounded = checkStorable(definition, report)
  if (!bounded) return report.result()
  for (const { pointer, code, message } of checkSchema(shape, definition, '', { expressions: false }).issues) {
    if (!report.hasErrorAt(pointer)) report.error(pointer, code, message)
  }
  const draft = readDraft(definition, registry)
  // Said already, and what follows takes more than linear time and space.
  if (draft.nodes.length > MAX_NODES || draft.connections.length > MAX_CONNECTIONS) return report.result()
  const sound = checkNodes(draft, registry, report)
  const links = checkConnections(draft, sound, report)
  checkFlow(draft, links, report)
  checkExpressions(draft, sound, links, report)
  checkTriggers(draft, sound, report)
  checkSettings(definition, report)
  return report.result()
}

/** Only whether a value has a shape; for what stands around a workflow. */
export function validateShape (value: unknown, shape: TSchema): readonly Issue[] {
  return checkSchema(shape, value, '', { expressions: false }).issues
}

/** Only whether a value survives being stored and read again: no NUL, no number beyond doubles, not too deep. */
export function validateStorable (value: unknown): readonly Issue[] {
  const report = new Report('save')
  checkStorable(value, report)
  return report.result().errors
}

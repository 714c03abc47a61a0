import type { TObject } from '@sinclair/typebox'
import type { NodeDefinition } from '../../../../interface/node.d.ts'
import { compileJsonSchema } from '../../../lib/json-schema.ts'
import { isPlainObject } from '../../validation/json-schema.ts'
import { defineNode, type NodeOutcome, type NodeType, type ParameterIssue } from '../node-type.ts'
import { createContext } from './context.ts'
import { toStepFailure } from './failure.ts'
import { readOutcome } from './read-outcome.ts'

export interface PackageOrigin {
  readonly name: string
  readonly version: string
  readonly apiVersion: number
}

const DEFAULT_ICON = 'puzzle'

/**
 * A definition of version 1 as a node type. What the package says while it runs is read here, as strictly as what comes
 * over the wire: inside, a value that cannot be written would only be found when the whole execution is.
 */
export function adaptNode (definition: NodeDefinition, origin: PackageOrigin): NodeType {
  const { type, title, description, icon = DEFAULT_ICON, category, effects, credentials, credentialRequired, inputs, outputs = ['main'] } = definition
  // A copy, which the package cannot change behind our back.
  const parameters = JSON.parse(JSON.stringify(definition.parameters)) as TObject
  const fits = compileJsonSchema(parameters)
  return {
    ...defineNode({
      type: `${origin.name}/${type}`,
      title,
      description,
      icon,
      category,
      effects,
      parameters: { ...parameters, properties: parameters.properties ?? {} },
      outputs: [...outputs],
      ...(inputs === undefined ? {} : { inputs: [...inputs] }),
      ...(credentials === undefined ? {} : { credentials: [...credentials] }),
      ...(credentialRequired === undefined ? {} : { credentialRequired }),
      ...(definition.check === undefined ? {} : { check: written => readIssues(() => definition.check!(structuredClone(written))) }),
      run (context) {
        const count = (): number => Object.values(context.inputs).reduce((sum, items) => sum + items.length, 0)
        const read = (outcome: unknown): NodeOutcome => readOutcome(outcome, outputs, count)
        try {
          const outcome: unknown = definition.run(createContext(context, fits))
          return isThenable(outcome) ? Promise.resolve(outcome).then(read).catch((error: unknown) => { throw toStepFailure(error) }) : read(outcome)
        } catch (error) {
          throw toStepFailure(error)
        }
      }
    }),
    package: origin
  }
}

function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

const CHECK_CODE = 'WC_NODE_PARAMETERS'

/** What a check found; a check that fails itself is one more problem, of the package and not of who saves a workflow. */
function readIssues (check: () => unknown): ParameterIssue[] {
  try {
    const issues = check()
    if (!Array.isArray(issues)) throw new TypeError('it answered no list')
    return issues.map((issue: unknown): ParameterIssue => {
      if (!isPlainObject(issue) || typeof issue['pointer'] !== 'string' || typeof issue['message'] !== 'string') throw new TypeError('it answered what is no issue')
      return { pointer: issue['pointer'], message: issue['message'], code: CHECK_CODE, severity: issue['severity'] === 'warning' ? 'warning' : 'error' }
    })
  } catch (error) {
    return [{ pointer: '', message: `the check of the node type failed: ${error instanceof Error ? error.message : String(error)}`, code: CHECK_CODE }]
  }
}

import { Type } from '@sinclair/typebox'
import { compileJsonSchema, JsonSchemaError, type JsonSchemaCheck } from '../../lib/json-schema.ts'
import { LruCache } from '../../lib/lru-cache.ts'
import { NodeError } from '../node-error.ts'
import { anyValue, dictionary, STATIC } from '../schemas.ts'
import { defineNode, type ParameterIssue } from './node-type.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/** Compiling one takes longer than most workflows. */
const compiled = new LruCache<string, JsonSchemaCheck>(500)

export const SUB_WORKFLOW_TRIGGER = 'subWorkflowTrigger'

export const subWorkflowTrigger = defineNode({
  type: SUB_WORKFLOW_TRIGGER,
  title: 'Sub-workflow start',
  description: 'Starts when another workflow runs this one by a sub-workflow or map node; emits its input.',
  icon: 'corner-down-right',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: Type.Object({
    inputSchema: Type.Optional(dictionary(anyValue(), { title: 'Input schema', description: 'A JSON Schema that the input must fit.', ...STATIC }))
  }, { additionalProperties: false }),
  check: ({ inputSchema }) => schemaIssues(inputSchema),
  run ({ items, parameters }) {
    const { inputSchema } = parameters(0)
    if (inputSchema !== undefined) items.forEach(({ json }) => { checkInput(inputSchema, json) })
    return { outputs: { main: items.map((_item, from) => ({ from })) } }
  }
})

function checkInput (schema: JsonSchema, input: unknown): void {
  const key = JSON.stringify(schema)
  let check = compiled.get(key)
  if (check === undefined) compiled.set(key, check = compileJsonSchema(schema))
  const errors = check(input)
  if (errors.length === 0) return
  const [{ pointer, message }] = errors as [typeof errors[number]]
  throw new NodeError('WC_SUBWORKFLOW_INPUT', `The input does not fit the input schema: ${pointer === '' ? 'it' : pointer} ${message}`, { data: { errors } })
}

function schemaIssues (schema: unknown): readonly ParameterIssue[] {
  if (typeof schema !== 'object' || schema === null) return []
  try {
    compileJsonSchema(schema as JsonSchema)
    return []
  } catch (error) {
    if (!(error instanceof JsonSchemaError)) throw error
    return [{ pointer: '/inputSchema', message: `cannot be used: ${error.message}`, code: 'WC_INPUT_SCHEMA' }]
  }
}

import { Kind, OptionalKind, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Environment } from './variables.ts'

export interface ConfigFault {
  readonly variable: string
  readonly problem: string
  readonly fix: string
}

// Their values must not reach a terminal or a log with the message that they are wrong.
const SECRET = /PASSWORD|SECRET|KEY|TOKEN|_URL$/

/** The variables as typed values, defaults filled in, and what is wrong with any of them. An empty variable counts as not set. */
export function readEnvironment (env: NodeJS.ProcessEnv): { values: Environment, faults: ConfigFault[] } {
  const values: Record<string, unknown> = {}
  const faults: ConfigFault[] = []
  for (const [name, schema] of Object.entries(Environment.properties) as Array<[string, TSchema]>) {
    const text = env[name]?.trim()
    if (text === undefined || text === '') {
      if (schema['default'] !== undefined) values[name] = schema['default']
      continue
    }
    const value = typed(schema, text)
    if (Value.Check(withoutOptional(schema), value)) values[name] = value
    else faults.push({ variable: name, problem: SECRET.test(name) ? 'is not valid' : `is ${JSON.stringify(text.slice(0, 80))}`, fix: `set it to ${String(schema['fix'])}` })
  }
  return { values: values as Environment, faults }
}

function typed (schema: TSchema, text: string): unknown {
  if (schema[Kind] === 'Integer') return /^[0-9]{1,15}$/.test(text) ? Number(text) : text
  if (schema[Kind] === 'Boolean') return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text
  return text
}

// A TypeBox schema of kind Unsafe is checked by its JSON Schema keywords, not by its kind.
function withoutOptional (schema: TSchema): TSchema {
  const { [OptionalKind]: _optional, ...rest } = schema
  return (rest[Kind] === 'Unsafe' ? { ...rest, [Kind]: 'String' } : rest) as TSchema
}

/** Variables that look like ours and are not, each with the nearest name that is. */
export function unknownVariables (env: NodeJS.ProcessEnv): string[] {
  const known = Object.keys(Environment.properties)
  return Object.keys(env)
    .filter(name => name.startsWith('WECONNECT_') && !known.includes(name))
    .map(name => `${name} is not a variable of WeConnect and has no effect; did you mean ${nearest(name, known)}?`)
}

function nearest (name: string, known: readonly string[]): string {
  const ranked = known.map(candidate => ({ candidate, distance: editDistance(name, candidate) }))
  return ranked.reduce((best, next) => next.distance < best.distance ? next : best).candidate
}

function editDistance (left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const substitution = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}

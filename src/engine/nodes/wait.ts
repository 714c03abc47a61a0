import { Type } from '@sinclair/typebox'
import { anyValue, duration, STATIC } from '../schemas.ts'
import { NodeError } from '../node-error.ts'
import { momentAfter, momentIssues, momentOf } from './moments.ts'
import { defineWaitingNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'

const WaitParameters = Type.Object({
  for: Type.Optional(duration({ title: 'For', description: 'How long to wait.' })),
  until: Type.Optional(anyValue({ title: 'Until', description: 'When to go on: RFC 3339, or milliseconds since the epoch.', examples: ['2026-01-31T12:00:00Z'] })),
  callback: Type.Optional(Type.Boolean({ title: 'For a callback', description: 'Goes on when $execution.resumeUrl is called.', ...STATIC })),
  timeout: Type.Optional(duration({ title: 'Timeout', description: 'With callback: how long to wait for it; then the items leave by timedOut.' }))
}, { additionalProperties: false })

const WAYS = ['for', 'until', 'callback'] as const

export const wait = defineWaitingNode({
  type: 'wait',
  title: 'Wait',
  description: 'Goes on after a time, at a time, or when its URL is called. Holds nothing meanwhile.',
  icon: 'hourglass',
  category: 'flow',
  effects: 'none',
  parameters: WaitParameters,
  outputs: ['resumed', 'timedOut'],
  awaits: ({ callback }) => callback === true ? 'callback' : undefined,
  check: parameters => [...wayIssues(parameters), ...momentIssues(parameters['until'], '/until')],
  run ({ parameters, now }) {
    const given = parameters(0)
    if (given.callback === true) {
      return { suspend: { kind: 'callback', ...(given.timeout === undefined ? {} : { until: momentAfter(now(), given.timeout, '/timeout') }) } }
    }
    if (given.for === undefined && given.until === undefined) throw new NodeError('WC_WAIT', 'There is nothing to wait for: the expression of for or until gave no value')
    return { suspend: { kind: 'timer', until: given.for === undefined ? momentOf(given.until, '/until') : momentAfter(now(), given.for, '/for') } }
  },
  resume ({ items }, { kind, wait, ...rest }) {
    const all = items.map((_item, index) => index)
    if ('message' in rest && rest.message.kind === 'callback') return { outputs: { resumed: [{ from: all, json: { ...rest.message.request } }] } }
    return { outputs: { [wait.kind === 'timer' ? 'resumed' : 'timedOut']: all.map(from => ({ from })) } }
  }
})

function wayIssues (parameters: Readonly<Record<string, unknown>>): readonly ParameterIssue[] {
  const ways = WAYS.filter(way => parameters[way] !== undefined && parameters[way] !== false)
  if (ways.length !== 1) return [{ pointer: '', message: 'needs exactly one of for, until and callback', code: 'WC_WAIT' }]
  if (parameters['timeout'] !== undefined && ways[0] !== 'callback') return [{ pointer: '/timeout', message: 'is for callback only: for and until end by themselves', code: 'WC_WAIT' }]
  return []
}

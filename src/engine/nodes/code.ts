import { Type, type Static } from '@sinclair/typebox'
import { parseDuration } from '../../lib/duration.ts'
import { analyseCode, type CodeAnalysis } from '../code/analyse.ts'
import { codeError } from '../code/failure.ts'
import { messageOf, type CodeTask } from '../code/message.ts'
import { readItems } from '../code/read-items.ts'
import type { CodeAnswer } from '../code/run-code.ts'
import type { BinaryRef, OutputItem } from '../item.ts'
import { duration, LITERAL, oneOf, STATIC } from '../schemas.ts'
import { defineNode } from './node-type.ts'
import type { NodeContext, ParameterIssue } from './node-type.ts'

const DEFAULT_TIMEOUT = '30s'
const MAX_TIMEOUT = '5m'
const LEVELS = ['debug', 'info', 'warn', 'error'] as const

const CodeParameters = Type.Object({
  code: Type.String({ title: 'Code', description: 'JavaScript: the body of an asynchronous function that returns items.', minLength: 1, contentMediaType: 'text/javascript', ...LITERAL }),
  mode: Type.Optional(oneOf(['all', 'each'], { title: 'Mode', description: 'Whether the code runs once for all items, or once for each.', default: 'all', ...STATIC })),
  timeout: Type.Optional(duration({ title: 'Timeout', description: `How long the code may run, up to ${MAX_TIMEOUT}.`, default: DEFAULT_TIMEOUT, ...STATIC }))
}, { additionalProperties: false })
type CodeParameters = Static<typeof CodeParameters>

export const code = defineNode({
  type: 'code',
  title: 'Code',
  description: 'Runs JavaScript over the items, in a sandbox without access to anything else.',
  icon: 'code',
  category: 'data',
  // It has no power over anything outside. Where a crash makes it run again, nothing has seen what it made before.
  effects: 'none',
  parameters: CodeParameters,
  check: parameters => [...codeIssues(parameters), ...timeoutIssues(parameters['timeout'])],
  references: parameters => analysisOf(parameters).mentions.map(({ nodeId, position }) => ({ nodeId, position, pointer: '/code' })),
  async run (context) {
    const parameters = context.parameters(0)
    const { mode = 'all', timeout = DEFAULT_TIMEOUT } = parameters
    const analysis = analysisOf(parameters)
    return { outputs: { main: await runBatches(context, { context, code: parameters.code, mode, analysis }, parseDuration(timeout)) } }
  }
})

/** In mode `each` a long list goes in batches; the timeout is that of all together. */
async function runBatches (context: NodeContext<CodeParameters>, task: CodeTask, timeout: number): Promise<OutputItem[]> {
  const made: OutputItem[] = []
  let left = timeout
  let at = 0
  while (at < context.items.length) {
    const first = at
    let count = 0
    const answer = await context.runCode({
      timeout: left,
      dates: task.analysis.dates,
      lines () {
        const message = messageOf(task, first)
        count = message.count
        return message.lines
      }
    })
    writeLog(context, answer)
    if ('failure' in answer.result) throw codeError(answer.result.failure, task.code, timeout)
    made.push(...readItems(answer.result.items, first, count, () => binariesOf(context, task.analysis)))
    at += count
    left = Math.max(1, left - answer.elapsed)
  }
  return made
}

function writeLog (context: NodeContext<CodeParameters>, { logs }: CodeAnswer): void {
  for (const [level, text] of logs) context.log(LEVELS.find(known => known === level) ?? 'info', text)
}

function binariesOf ({ items, scope }: NodeContext<CodeParameters>, { mentions, candidates }: CodeAnalysis): Map<string, BinaryRef> {
  const others = new Set([...mentions.map(({ nodeId }) => nodeId), ...candidates])
  const seen = [...items, ...[...others].flatMap(id => items.flatMap((_, index) => {
    const node = scope(index).node(id)
    return node === undefined ? [] : [...node.all(), ...(node.item === undefined ? [] : [node.item])]
  }))]
  return new Map(seen.flatMap(({ binary = {} }) => Object.values(binary).map(ref => [ref.fileId, ref] as const)))
}

/** By parameters, which a plan keeps as long as it lives. */
const analyses = new WeakMap<object, CodeAnalysis>()

function analysisOf (parameters: Readonly<Record<string, unknown>>): CodeAnalysis {
  let analysis = analyses.get(parameters)
  if (analysis === undefined) analyses.set(parameters, analysis = analyseCode(String(parameters['code'])))
  return analysis
}

function codeIssues (parameters: Readonly<Record<string, unknown>>): readonly ParameterIssue[] {
  const { fault } = analysisOf(parameters)
  return fault === undefined ? [] : [{ pointer: '/code', message: fault.message, code: fault.code }]
}

function timeoutIssues (timeout: unknown): readonly ParameterIssue[] {
  if (typeof timeout !== 'string') return []
  const milliseconds = parseDuration(timeout)
  if (milliseconds > 0 && milliseconds <= parseDuration(MAX_TIMEOUT)) return []
  return [{ pointer: '/timeout', message: `more than nothing and at most ${MAX_TIMEOUT}`, code: 'WC_DURATION' }]
}

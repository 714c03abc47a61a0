import { ERROR_OUTPUT } from '../definition.ts'
import type { Edge } from '../graph.ts'
import type { Draft, DraftConnection, DraftNode } from './draft.ts'
import { didYouMean } from './nearest.ts'
import { quote, type Report } from './report.ts'

export interface Link {
  readonly pointer: string
  readonly edge: Edge
  readonly output: string | undefined
}

/** Ends, ports and repetitions. Answers the connections whose two ends exist. */
export function checkConnections (draft: Draft, sound: Uint8Array, report: Report): readonly Link[] {
  const links: Link[] = []
  const seen = new Map<string, string>()
  for (const connection of draft.connections) {
    const from = endOf(draft, connection, 'from', report)
    const to = endOf(draft, connection, 'to', report)
    if (from === undefined || to === undefined) continue
    const output = checkPort(from, sound, 'output', connection, report)
    const input = checkPort(to, sound, 'input', connection, report)
    const key = JSON.stringify([from.id, output ?? connection.output, to.id, input ?? connection.input])
    const earlier = seen.get(key)
    if (earlier === undefined) seen.set(key, connection.pointer)
    else report.error(connection.pointer, 'WC_CONNECTION_DUPLICATE', `says the same as ${earlier}`)
    links.push({ pointer: connection.pointer, edge: [from.place, to.place], output })
  }
  return links
}

function endOf (draft: Draft, connection: DraftConnection, end: 'from' | 'to', report: Report): DraftNode | undefined {
  const id = connection[end]
  const node = draft.byId.get(id)
  if (node === undefined) {
    const hint = report.full ? '' : didYouMean(id, draft.byId.keys())
    report.error(`${connection.pointer}/${end}`, 'WC_CONNECTION_DANGLING', `there is no node ${quote(id)}${hint}`)
  }
  return node
}

/** The port that is meant, once the node is known well enough to tell. */
function checkPort (node: DraftNode, sound: Uint8Array, kind: 'input' | 'output', connection: DraftConnection, report: Report): string | undefined {
  const { type } = node
  if (type === undefined) return undefined
  if (kind === 'input' && type.trigger) {
    report.error(`${connection.pointer}/to`, 'WC_CONNECTION_INTO_TRIGGER', `${quote(node.id)} is a trigger: it starts executions and takes no input`)
    return undefined
  }
  if (sound[node.place] === 0) return undefined
  const ports = kind === 'input' ? type.inputs(node.parameters) : outputsOf(node)
  const wanted = connection[kind]
  if (wanted === undefined ? ports.length > 0 : ports.includes(wanted)) return wanted ?? ports[0]
  const code = kind === 'input' ? 'WC_INPUT_UNKNOWN' : 'WC_OUTPUT_UNKNOWN'
  const has = ports.length === 0 ? `has no ${kind}s` : `has the ${kind}s ${ports.map(quote).join(', ')}`
  const hint = wanted === ERROR_OUTPUT && kind === 'output' ? '; an output "error" comes with onError: "errorOutput"' : ''
  report.error(`${connection.pointer}/${wanted === undefined ? (kind === 'input' ? 'to' : 'from') : kind}`, code, `${quote(node.id)} ${has}${hint}`)
  return undefined
}

export function outputsOf ({ type, parameters, onError }: DraftNode): readonly string[] {
  const outputs = type?.outputs(parameters) ?? []
  return onError === 'errorOutput' ? [...outputs, ERROR_OUTPUT] : outputs
}

import { compileParameters } from '../expression/index.ts'
import { ancestry, type Edge } from '../graph.ts'
import type { Link } from './connections.ts'
import type { Draft, DraftNode } from './draft.ts'
import { didYouMean } from './nearest.ts'
import { quote, type Report } from './report.ts'

interface Mention {
  readonly node: DraftNode
  readonly target: DraftNode
  readonly pointer: string
}

/** Expressions that do not parse, and nodes they name that do not exist or cannot have run before. */
export function checkExpressions (draft: Draft, sound: Uint8Array, links: readonly Link[], report: Report): void {
  const mentions: Mention[] = []
  for (const node of draft.nodes) {
    const { errors, references } = compileParameters(node.parameters, { literals: node.type?.literals })
    for (const { pointer, position, message, code } of errors) {
      const at = `${node.pointer}/parameters${pointer}`
      if (!report.hasErrorAt(at)) report.error(at, code, `${message} (at character ${position + 1})`)
    }
    const others = sound[node.place] === 1 ? node.type?.references?.(node.parameters) ?? [] : []
    for (const { nodeId, pointer, position } of [...references, ...others]) {
      const at = `${node.pointer}/parameters${pointer}`
      const target = draft.byId.get(nodeId)
      if (target !== undefined) {
        mentions.push({ node, target, pointer: at })
      } else {
        const hint = report.full ? '' : didYouMean(nodeId, draft.byId.keys())
        report.error(at, 'WC_REFERENCE_UNKNOWN', `there is no node ${quote(nodeId)} (at character ${position + 1})${hint}`)
      }
    }
  }
  checkOrder(draft, links.map(({ edge }) => edge), mentions, report)
}

function checkOrder (draft: Draft, edges: readonly Edge[], mentions: readonly Mention[], report: Report): void {
  const runsBefore = ancestry(draft.nodes.length, edges, mentions.map(({ target }) => target.place))
  for (const { node, target, pointer } of mentions) {
    if (runsBefore(target.place, node.place)) continue
    report.error(pointer, 'WC_REFERENCE_NOT_BEFORE', target === node
      ? `${quote(node.id)} cannot refer to its own output`
      : `${quote(target.id)} cannot have run before ${quote(node.id)}: no path leads from it to here`)
  }
}

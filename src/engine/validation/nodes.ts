import type { NodeType } from '../nodes/node-type.ts'
import type { NodeRegistry } from '../nodes/registry.ts'
import type { Draft, DraftNode } from './draft.ts'
import { checkSchema } from './json-schema.ts'
import { didYouMean } from './nearest.ts'
import { quote, type Report } from './report.ts'

/** Characters of code in a whole workflow: parsing them takes a tenth of a second. */
const MAX_CODE_TEXT = 1_000_000

/** Ids, types and parameters. Answers the nodes whose parameters are in order, by place: their ports are known. */
export function checkNodes (draft: Draft, registry: NodeRegistry, report: Report): Uint8Array {
  const sound = new Uint8Array(draft.nodes.length)
  const typeNames = registry.list().map(({ type }) => type)
  let codeText = 0
  for (const node of draft.nodes) {
    const first = draft.byId.get(node.id)
    if (first !== undefined && first !== node) {
      report.error(`${node.pointer}/id`, 'WC_NODE_ID_DUPLICATE', `is the id of ${first.pointer} too; ids must differ within a workflow`)
    }
    // Fits the pattern, and is a trap in every plain object whose keys are node ids.
    if (node.id === '__proto__') report.error(`${node.pointer}/id`, 'WC_KEY_NOT_ALLOWED', 'is a name that nodes cannot have')
    if (node.typeName === undefined) continue
    if (node.type === undefined) {
      const hint = report.full ? '' : didYouMean(node.typeName, typeNames)
      report.error(`${node.pointer}/type`, 'WC_NODE_TYPE_UNKNOWN', `there is no node type ${quote(node.typeName)}${hint}`)
    } else {
      checkCredential(node, node.type, report)
      const text = literalText(node)
      codeText += text
      if (text > 0 && codeText > MAX_CODE_TEXT) report.error(`${node.pointer}/parameters`, 'WC_CODE_SIZE', `a workflow holds at most ${MAX_CODE_TEXT} characters of code`)
      else if (checkParameters(node, report)) sound[node.place] = 1
    }
  }
  return sound
}

/** Whether one is named where one is needed, and none where none is used; which one it is, only the database knows. */
function checkCredential ({ pointer, typeName, credentialId, disabled }: DraftNode, { credentials, credentialRequired }: NodeType, report: Report): void {
  const at = `${pointer}/credentialId`
  if (credentialId !== undefined && credentials === undefined) {
    report.error(at, 'WC_CREDENTIAL_TYPE', `nodes of the type ${quote(typeName)} take no credential`)
  } else if (credentialId === undefined && credentialRequired === true && !disabled) {
    report.publishError(at, 'WC_CREDENTIAL_REQUIRED', `a credential is needed: ${credentials?.join(' or ') ?? ''}`)
  }
}

function checkParameters ({ type, parameters, pointer, credentialId }: DraftNode, report: Report): boolean {
  if (type === undefined) return false
  const at = `${pointer}/parameters`
  const { issues, opaque } = checkSchema(type.parameters, parameters, at, { expressions: true })
  for (const issue of issues) report.error(issue.pointer, issue.code, issue.message)
  if (issues.length > 0) return false
  // What an expression will put in place of a list or an object cannot be checked before it runs.
  if (opaque || type.check === undefined) return true
  let sound = true
  for (const issue of type.check(parameters, { credentialId: typeof credentialId === 'string' ? credentialId : undefined })) {
    if (issue.severity === 'warning') {
      report.warning(at + issue.pointer, issue.code, issue.message)
    } else {
      report.error(at + issue.pointer, issue.code, issue.message)
      sound = false
    }
  }
  return sound
}

/** Characters that the node type parses itself. */
function literalText ({ type, parameters }: DraftNode): number {
  let length = 0
  for (const pointer of type?.literals ?? []) {
    const text = parameters[pointer.slice(1)]
    if (typeof text === 'string') length += text.length
  }
  return length
}

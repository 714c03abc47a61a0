import { Type, type Static } from '@sinclair/typebox'
import type { JsonObject, OutputItem } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { itemByItem } from '../item-by-item.ts'
import type { FolderEntry } from '../node-files.ts'
import { defineNode, type NodeContext, type ParameterIssue } from '../node-type.ts'
import { binaryOf } from './binary-of.ts'
import { mimeTypeOf } from './mime-types.ts'

const CONCURRENCY = 5
const MAX_ENTRIES = 10_000

const ReadWriteParameters = Type.Object({
  operation: oneOf(['read', 'write', 'list', 'delete'], { title: 'Operation', description: 'What to do; list tells what is in a folder.', ...STATIC }),
  path: Type.Optional(Type.String({ title: 'Path', description: 'Below the folder of the installation; for list a directory, by default the folder itself.', minLength: 1, maxLength: 1024, examples: ['reports/january.csv'] })),
  binaryName: Type.Optional(Type.String({ title: 'Binary data', description: 'read: the name under which the item gets the file, file by default; write: what of the item to write, by default the only one that it has.', minLength: 1, maxLength: 255 })),
  content: Type.Optional(anyValue({ title: 'Content', description: 'write: in place of binary data; text as it is, anything else as JSON.' })),
  overwrite: Type.Optional(Type.Boolean({ title: 'Overwrite', description: 'write: whether a file that is there is replaced; else it is an error.', default: true, ...STATIC }))
}, { additionalProperties: false })
type ReadWriteParameters = Static<typeof ReadWriteParameters>

export const readWriteFile = defineNode({
  type: 'readWriteFile',
  title: 'Read and write files',
  description: 'Reads, writes, lists and deletes files in the folder that the operator of the installation has named.',
  icon: 'folder',
  category: 'outside',
  effects: 'once',
  effectsOf: ({ operation, overwrite }) => operation === 'read' || operation === 'list' ? 'none' : operation === 'write' && overwrite === false ? 'once' : 'idempotent',
  parameters: ReadWriteParameters,
  check: ({ operation, path }): readonly ParameterIssue[] => operation !== 'list' && path === undefined ? [{ pointer: '/path', message: 'is required by the operation', code: 'WC_REQUIRED' }] : [],
  async run (context) {
    return await itemByItem(context, CONCURRENCY, async index => await runOne(context, context.parameters(index), index))
  }
})

async function runOne (context: NodeContext<ReadWriteParameters>, parameters: ReadWriteParameters, from: number): Promise<OutputItem[]> {
  const { files } = context
  const { operation, overwrite = true } = parameters
  const path = pathOf(parameters)
  switch (operation) {
    case 'read': {
      const { bytes, ...entry } = await files.folder.read(path)
      const file = await files.write(bytes, { mimeType: mimeTypeOf(entry.path), fileName: entry.path })
      return [{ from, json: facts(entry), binary: { [parameters.binaryName ?? 'file']: file } }]
    }
    case 'write': return [{ from, json: facts(await files.folder.write(path, contentOf(context, parameters, from), { overwrite })) }]
    case 'list': return (await files.folder.list(path, MAX_ENTRIES)).map(entry => ({ from, json: facts(entry) }))
    case 'delete': return [{ from, json: { path, deleted: await files.folder.remove(path) } }]
  }
}

function pathOf ({ path, operation }: ReadWriteParameters): string {
  if (path === undefined && operation === 'list') return '.'
  if (typeof path !== 'string') throw new NodeError('WC_PARAMETER', 'The path must be text', { pointer: '/path' })
  return path
}

function contentOf ({ items, files }: NodeContext<ReadWriteParameters>, { content, binaryName }: ReadWriteParameters, index: number): AsyncIterable<Uint8Array> {
  if (content === undefined) return files.read(binaryOf(items[index]!, binaryName))
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return (async function * () { yield Buffer.from(text) })()
}

function facts ({ modifiedAt, ...rest }: FolderEntry): JsonObject {
  return { ...rest, modifiedAt: new Date(modifiedAt).toISOString() }
}

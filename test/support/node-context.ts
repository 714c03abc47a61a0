import type { PageScope } from '../../src/engine/expression/index.ts'
import { randomBytes } from 'node:crypto'
import type { BinaryRef, Item, JsonObject } from '../../src/engine/item.ts'
import type { Credential } from '../../src/engine/credentials/index.ts'
import { makeScope } from './expression-scope.ts'
import type { RunCode } from '../../src/engine/code/run-code.ts'
import type { Connect } from '../../src/engine/nodes/connect.ts'
import type { NodeFiles } from '../../src/engine/nodes/node-files.ts'
import type { Fetch, NodeContext } from '../../src/engine/nodes/node-type.ts'

const refuse = async (): Promise<never> => { throw new Error('This test gave its node no connections') }
export const noConnections: Connect = { query: refuse, redis: refuse, mail: refuse }

export const noFiles: NodeFiles = {
  write: () => Promise.reject(new Error('This test gave its node no files')),
  read: () => { throw new Error('This test gave its node no files') },
  folder: { read: refuse, write: refuse, list: refuse, remove: refuse }
}

export interface NodeContextOptions<P> {
  /** Items of the input `main`. */
  readonly items?: readonly JsonObject[]
  /** What each item of it has beside. */
  readonly binary?: ReadonlyArray<Readonly<Record<string, BinaryRef>>>
  /** Items by input name, for nodes with several. */
  readonly inputs?: Readonly<Record<string, readonly JsonObject[]>>
  /** Evaluated parameters: the same for all items, or one function of the item's position. */
  readonly parameters: P | ((index: number, page?: PageScope) => P)
  readonly fetch?: Fetch
  readonly credential?: Credential
  readonly connect?: Connect
  readonly runCode?: RunCode
  readonly log?: NodeContext<P>['log']
  readonly files?: NodeFiles
  readonly signal?: AbortSignal
  readonly now?: number
  readonly timeZone?: string
  readonly subWorkflow?: NodeContext<P>['subWorkflow']
  readonly claimKeys?: NodeContext<P>['claimKeys']
  readonly failedItemOutput?: NodeContext<P>['failedItemOutput']
}

/** The context of one run of a node, for tests that hand it evaluated parameters. */
export function nodeContext<P extends object> (options: NodeContextOptions<P>): NodeContext<P> {
  const { items = [], inputs = { main: items }, parameters } = options
  const real = Object.fromEntries(Object.entries(inputs).map(([name, list]) => [name, list.map((json, index) => toItem(json, options.binary?.[index]))]))
  return {
    nodeId: 'node',
    run: 0,
    attempt: 1,
    inputs: real,
    items: Object.values(real)[0] ?? [],
    parameters: (index, page) => typeof parameters === 'function' ? parameters(index, page) : parameters,
    signal: options.signal ?? new AbortController().signal,
    idempotencyKey: index => `root:node:0:${index}`,
    scope: index => makeScope({ json: real.main?.[index]?.json ?? {} }),
    runCode: options.runCode ?? (() => Promise.reject(new Error('This test gave its node no sandbox'))),
    fetch: options.fetch ?? (() => Promise.reject(new Error('This test gave its node no network'))),
    credential: async () => options.credential,
    connect: options.connect ?? noConnections,
    files: options.files ?? noFiles,
    now: () => options.now ?? Date.UTC(2030, 0, 1),
    timeZone: options.timeZone ?? 'UTC',
    randomBytes,
    claimKeys: options.claimKeys ?? (() => Promise.reject(new Error('This test gave its node no memory'))),
    subWorkflow: options.subWorkflow ?? (() => Promise.reject(new Error('This test gave its node no workflows'))),
    childId: index => `child-${index}`,
    log: options.log ?? (() => {}),
    failedItemOutput: options.failedItemOutput ?? (() => undefined)
  }
}

function toItem (json: JsonObject, binary?: Item['binary']): Item {
  return { json, ...(binary === undefined ? {} : { binary }), parents: [], nodeId: 'before', run: 0 }
}

import type { Static, TObject } from '@sinclair/typebox'
import type { Fetch } from '../../lib/guarded-fetch/types.ts'
import type { Credential } from '../credentials/credential-type.ts'
import type { CredentialReference } from '../credentials/references.ts'
import type { RunCode } from '../code/run-code.ts'
import type { ExpressionScope, PageScope } from '../expression/scope.ts'
import type { ParameterReference } from '../expression/parameters.ts'
import type { BinaryRef, Item, OutputItem } from '../item.ts'
import type { ChildStart, ChildTarget } from '../children.ts'
import type { NodeError } from '../node-error.ts'
import type { Connect } from './connect.ts'
import type { NodeFiles } from './node-files.ts'
import type { Resumption, Wait } from '../wait.ts'

export type { Fetch, IncomingResponse, OutgoingRequest, ResponseHead, StreamedBody } from '../../lib/guarded-fetch/types.ts'

/**
 * What a run of the node does to the world (DESIGN, "Checkpoint before effects").
 * `none`: may be run again at will. `idempotent`: at least once, with a stable key.
 * `once`: at most once; a run that may have started when its worker died is not repeated.
 */
export type Effects = 'none' | 'idempotent' | 'once'

/** How the connection that is waiting for this execution is to be answered (node `respond`). */
export interface HttpAnswer {
  readonly status: number
  /** Only `set-cookie` has a list of values: it is sent once for each. */
  readonly headers: Readonly<Record<string, string | string[]>>
  /** A string is sent as it is; anything else as JSON. */
  readonly body: unknown
  /** In place of the body. */
  readonly file?: BinaryRef
}

export interface NodeOutcome {
  /** Items by output name; an output that is left out or empty sends nothing. */
  readonly outputs: Readonly<Record<string, readonly OutputItem[]>>
  readonly answer?: HttpAnswer
  /** Executions that start with it, of which none is awaited. */
  readonly start?: readonly ChildStart[]
}

/** Keys that a workflow remembers across its executions, under a name. */
export interface KeyMemory {
  readonly name: string
  /** Milliseconds after which a key is forgotten; null: never. */
  readonly keepFor: number | null
  /** The newest keys, about as many, that are kept. */
  readonly keepAtMost: number
}

/** The step has not ended: it waits, and its node type's `resume` says what follows. */
export interface Suspension {
  readonly suspend: Wait
  /** Executions that start with it. */
  readonly start?: readonly ChildStart[]
}

export type StepResult = NodeOutcome | Suspension

/** The powers of a node. Nothing else reaches it: no clock, no network, no database of its own. */
export interface NodeContext<P> {
  readonly nodeId: string
  readonly run: number
  readonly attempt: number
  /** Items by input name, in the order of the node type's inputs. */
  readonly inputs: Readonly<Record<string, readonly Item[]>>
  /** The items of the first input. */
  readonly items: readonly Item[]
  /** The parameters with every expression evaluated for item `index` of `items`; throws NodeError (WC_EXPRESSION…). */
  parameters (index: number, page?: PageScope): P
  /** What expressions see of item `index`. */
  scope (index: number): ExpressionScope
  readonly signal: AbortSignal
  /** `<root execution>:<node>:<run>:<item>`, equal in all attempts. */
  idempotencyKey (index: number): string
  readonly fetch: Fetch
  readonly connect: Connect
  /**
   * The node's credential, opened just now, or the one that a parameter refers to; undefined where the node names none.
   * Its secrets are masked in all that the step leaves behind. Throws NodeError (WC_CREDENTIAL…).
   */
  credential (reference?: Pick<CredentialReference, 'id' | 'types'>): Promise<Credential | undefined>
  readonly runCode: RunCode
  readonly files: NodeFiles
  /** milliseconds since the epoch */
  now (): number
  /** The workflow's time zone, an IANA name. */
  readonly timeZone: string
  /** Bytes that nobody can foresee. A step that is repeated gets others, but nothing outside has seen the earlier ones. */
  randomBytes (count: number): Uint8Array
  /**
   * Claims keys for this step and answers those that were free. What this run of the step claimed before its worker died counts as
   * free again, also in a retry of the execution; what any other run holds does not.
   */
  claimKeys (memory: KeyMemory, keys: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Where the published version of a workflow of the organization starts as a part of another. Throws NodeError where it cannot,
   * or where too many stand within each other.
   */
  subWorkflow (workflowId: string): Promise<ChildTarget>
  /** Of the execution that this attempt of the step starts for item `index` now. */
  childId (index: number): string
  log (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown): void
  /**
   * Where an item goes that failed with this error while others of the step succeed; undefined where the step fails with it,
   * since `onError` says so or another attempt may help.
   */
  failedItemOutput (error: NodeError): string | undefined
}

/** A problem with parameters that a schema cannot say; `pointer` is relative to `parameters`. */
export interface ParameterIssue {
  readonly pointer: string
  readonly message: string
  readonly code: string
  readonly severity?: 'error' | 'warning'
}

export interface NodeType<S extends TObject = TObject> {
  readonly type: string
  readonly title: string
  readonly description: string
  /** A Lucide icon name. */
  readonly icon: string
  readonly category: 'trigger' | 'flow' | 'data' | 'outside'
  readonly effects: Effects
  /** For types some of whose parameters (unevaluated here) make them milder than `effects`. */
  effectsOf? (parameters: Readonly<Record<string, unknown>>): Effects
  /** A trigger has no inputs; it starts executions and emits what the outside sent. */
  readonly trigger: boolean
  readonly parameters: S
  /** The types of credentials that `credentialId` of such a node may name; without, it takes none. */
  readonly credentials?: readonly string[]
  /** Whether it cannot run without one. */
  readonly credentialRequired?: boolean
  /** Where it comes from, unless it is WeConnect's own: an organization uses it only after it has enabled the package. */
  readonly package?: { readonly name: string, readonly version: string, readonly apiVersion: number }
  /** Input names for these (unevaluated) parameters; the first is the default. */
  inputs (parameters: Readonly<Record<string, unknown>>): readonly string[]
  /** Output names for these (unevaluated) parameters; the first is the default. */
  outputs (parameters: Readonly<Record<string, unknown>>): readonly string[]
  /** What becomes of the values of expressions in the text at `pointer`, whose parameters (unevaluated) these are: text for HTML, say. */
  escapeFor? (parameters: Readonly<Record<string, unknown>>, pointer: string): ((text: string) => string) | undefined
  /** What its steps wait for that somebody outside is to answer, with these (unevaluated) parameters. */
  awaits? (parameters: Readonly<Record<string, unknown>>): 'callback' | 'approval' | undefined
  /** Whether its steps may wait for executions that they start. */
  readonly startsExecutions?: boolean
  /** Workflows that these (unevaluated) parameters name, by pointer. */
  workflows? (parameters: Readonly<Record<string, unknown>>): Readonly<Record<string, { readonly id: string, readonly as: 'subWorkflow' | 'source' }>>
  /** Checks beyond the schema, on unevaluated parameters that fit the schema. */
  check? (parameters: Readonly<Record<string, unknown>>, node?: { readonly credentialId?: string | undefined }): readonly ParameterIssue[]
  /** Nodes that these parameters name outside of expressions. */
  references? (parameters: Readonly<Record<string, unknown>>): readonly ParameterReference[]
  /** Pointers of the parameters that are text without expressions, from their schema. */
  readonly literals?: ReadonlySet<string>
  run (context: NodeContext<Static<S>>): StepResult | Promise<StepResult>
  /** What follows when what a step waits for has come, or its time is up. Pure: it may be asked again, and uses no power. */
  resume? (context: NodeContext<Static<S>>, resumption: Resumption): StepResult
}

/** A node type whose steps never wait. */
export interface DirectNodeType<S extends TObject = TObject> extends NodeType<S> {
  run (context: NodeContext<Static<S>>): NodeOutcome | Promise<NodeOutcome>
}

interface NodeDefinition<S extends TObject> extends Omit<NodeType<S>, 'inputs' | 'outputs' | 'trigger' | 'literals'> {
  readonly trigger?: boolean
  readonly inputs?: readonly string[] | NodeType<S>['inputs']
  readonly outputs?: readonly string[] | NodeType<S>['outputs']
}

const MAIN = ['main'] as const
const NONE: readonly string[] = []

/** Fills in the defaults: one input `main` (none for a trigger), one output `main`. */
export function defineNode<S extends TObject> (definition: Omit<NodeDefinition<S>, 'resume' | 'run'> & Pick<DirectNodeType<S>, 'run'>): DirectNodeType<S> {
  return { ...defineWaitingNode(definition), run: definition.run }
}

/** The same for a type whose steps may wait. */
export function defineWaitingNode<S extends TObject> (definition: NodeDefinition<S>): NodeType<S> {
  const { inputs = definition.trigger === true ? NONE : MAIN, outputs = MAIN, trigger = false, ...rest } = definition
  const literals = Object.entries(definition.parameters.properties).flatMap(([name, schema]) => schema['x-literal'] === true ? [`/${name}`] : [])
  return {
    ...rest,
    ...(literals.length === 0 ? {} : { literals: new Set(literals) }),
    trigger,
    inputs: typeof inputs === 'function' ? inputs : () => inputs,
    outputs: typeof outputs === 'function' ? outputs : () => outputs
  }
}

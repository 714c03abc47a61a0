/**
 * What a node package for WeConnect is made of: version 1 of the interface, which docs/custom-nodes.md explains.
 * It stands alone: nothing of the application is behind it. What is here stays as it is for as long as version 1 lives;
 * additions are optional.
 */
export type ApiVersion = 1

export type JsonObject = Record<string, unknown>

/** A JSON Schema of type `object`, in the keywords that docs/custom-nodes.md lists. A schema made with TypeBox is one. */
export type ParametersSchema = Readonly<Record<string, unknown>> & { readonly type: 'object' }

/**
 * What a run does to the world. `none`: nothing, so it may run again at will. `idempotent`: at least once; repetitions come
 * with the same `idempotencyKey`. `once`: at most once; a run that may have begun when its process died is not repeated.
 */
export type Effects = 'none' | 'idempotent' | 'once'

/** Shared with other nodes: read it, never change it. */
export interface Item {
  readonly json: Readonly<JsonObject>
  readonly binary?: Readonly<Record<string, unknown>>
}

/**
 * One item that a node emits. `from`: the positions of the input items that it was made of, counted through all inputs in
 * their order. With neither `json` nor `patch` it is the first of them, unchanged; `patch` replaces properties of that one.
 */
export interface OutputItem {
  readonly from?: number | readonly number[]
  readonly json?: JsonObject
  readonly patch?: JsonObject
}

/** Items by output name; an output that is left out or empty sends nothing. All of it must survive JSON. */
export interface Outcome {
  readonly outputs: Readonly<Record<string, readonly OutputItem[]>>
}

export interface Request {
  /** Default: GET */
  readonly method?: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Names in lower case of headers that hold secrets: a redirect to another origin takes none of them along. */
  readonly secretHeaders?: readonly string[]
  readonly body?: string | Uint8Array
  /** milliseconds, for the whole exchange; default 30,000 */
  readonly timeout?: number
  /** bytes; default 16 MiB */
  readonly maxResponseSize?: number
  /** Default 10; with 0 the redirect itself is the answer. */
  readonly followRedirects?: number
}

export interface Response {
  readonly status: number
  /** Where the answer came from, after redirects. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface Credential {
  readonly id: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  /** Host names that it may be sent to; null where it is not limited. The node must keep to them. */
  readonly allowedHosts: readonly string[] | null
}

export interface ErrorDetail {
  /** Whether another attempt may succeed; the node's `retry` acts on these only. */
  readonly retryable?: boolean
  /** milliseconds to wait before the next attempt, as the far side asked */
  readonly retryAfter?: number
  /** Which input item was being worked on. */
  readonly itemIndex?: number
  /** JSON pointer to the parameter that is to blame. */
  readonly pointer?: string
  /** Any JSON value; clients see it. */
  readonly data?: unknown
}

/**
 * What went wrong with the work of a node, to be thrown. Clients see all of it. Anything else that is thrown is a fault
 * of the node: clients see WC_NODE_FAULT, and the operator's log has the rest.
 */
export declare class NodeError extends Error {
  readonly code: string
  readonly detail: ErrorDetail
  /** @param code capitals, digits and `_`; those that begin with WC_ are WeConnect's own */
  constructor (code: string, message: string, detail?: ErrorDetail)
}

/** The powers of a run. */
export interface Context<P = JsonObject> {
  readonly nodeId: string
  /** 0 for the first run of the node in this execution. */
  readonly run: number
  /** 1 for the first attempt of this run. */
  readonly attempt: number
  /** Items by input name. */
  readonly inputs: Readonly<Record<string, readonly Item[]>>
  /** The items of the first input. */
  readonly items: readonly Item[]
  /** The parameters with their expressions evaluated for item `index` of `items`; they fit the schema, or it throws. */
  parameters (index: number): P
  /** Aborted when the execution is cancelled, ends, or the node's timeout is over. */
  readonly signal: AbortSignal
  /** The same in all attempts of this run; different for each item. */
  idempotencyKey (index: number): string
  /** Reaches what WECONNECT_EGRESS_ALLOW and the guard against private addresses let it reach. Ends with `signal`. */
  fetch (request: Request): Promise<Response>
  /** The credential that the node names; undefined where it names none. Its secrets are masked in all that the run leaves behind. */
  credential (): Promise<Credential | undefined>
  /** milliseconds since the epoch */
  now (): number
  /** Into the log of the execution. `data`: any JSON value. */
  log (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown): void
}

/** A problem with parameters that a schema cannot say; `pointer` is relative to `parameters`. */
export interface ParameterIssue {
  readonly pointer: string
  readonly message: string
  /** A warning lets the workflow be published. */
  readonly severity?: 'error' | 'warning'
}

export interface NodeDefinition<P = JsonObject> {
  /** Workflows write `<name of the package>/<type>`. Letters and digits, beginning with a small letter. */
  readonly type: string
  readonly title: string
  readonly description: string
  /** A Lucide icon name; default `puzzle` */
  readonly icon?: string
  readonly category: 'flow' | 'data' | 'outside'
  readonly effects: Effects
  readonly parameters: ParametersSchema
  /** Types of credentials that such a node may name; without, it takes none. */
  readonly credentials?: readonly string[]
  /** Whether it cannot run without one. */
  readonly credentialRequired?: boolean
  /** Default: `main`; the first is the default of connections. */
  readonly inputs?: readonly string[]
  /** Default: `main`; the first is the default of connections. */
  readonly outputs?: readonly string[]
  /** Called with parameters as they are written, before their expressions are evaluated. */
  check? (parameters: Readonly<JsonObject>): readonly ParameterIssue[]
  run (context: Context<P>): Outcome | Promise<Outcome>
}

/** The definition, unchanged: for its types. */
export declare function defineNode<P = JsonObject> (definition: NodeDefinition<P>): NodeDefinition<P>

/**
 * Data between nodes is a list of items. An item is immutable once made: nodes answer with
 * descriptions of new items (see `OutputItem`), so what a step changed can be stored instead of a copy.
 */
export type JsonObject = Record<string, unknown>

/** A reference to binary data; the bytes live in file storage, never in the database. */
export interface BinaryRef {
  readonly fileId: string
  readonly mimeType: string
  readonly fileName?: string
  /** bytes */
  readonly size: number
}

export interface Item {
  readonly json: JsonObject
  readonly binary?: Readonly<Record<string, BinaryRef>>
  /** The item or items that this one was made from; what `$('x').item` walks. */
  readonly parents: readonly Item[]
  /** The step that emitted it. */
  readonly nodeId: string
  readonly run: number
}

/**
 * What a node says of one item it emits. `from` are positions in the concatenation of the node's
 * inputs (in the order of its input names): the lineage. With neither `json` nor `patch` the item is
 * the first of `from`, unchanged. `patch` replaces top-level properties of the first of `from`.
 */
export interface OutputItem {
  readonly from?: number | readonly number[]
  readonly json?: JsonObject
  readonly patch?: JsonObject
  readonly binary?: Readonly<Record<string, BinaryRef>>
}

/** An item that did not come from a step: somebody wrote it. */
export type GivenItem = Pick<Item, 'json' | 'binary'>

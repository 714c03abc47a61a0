import type { BinaryRef, JsonObject } from '../item.ts'
import type { ExpressionLimits } from './limits.ts'

export interface ExpressionItem {
  readonly json: JsonObject
  readonly binary?: Readonly<Record<string, BinaryRef>>
}

/** What a node that asks page by page was answered last; before the first answer `response` is empty. */
export interface PageScope {
  readonly response: { readonly status: number, readonly headers: Readonly<Record<string, string>>, readonly body: unknown }
  /** Pages so far. */
  readonly count: number
}

export interface ItemsView {
  all (): readonly ExpressionItem[]
  first (): ExpressionItem | undefined
  last (): ExpressionItem | undefined
  /** The item being worked on, or the one it came from. */
  readonly item: ExpressionItem | undefined
}

export interface NodeItemsView extends ItemsView {
  /** The item that input item `index` came from. */
  itemMatching (index: number): ExpressionItem | undefined
  readonly isExecuted: boolean
  readonly params?: Readonly<Record<string, unknown>>
}

/**
 * What one evaluation may see. The host supplies it; expressions read it and never write to it.
 * All of it is JSON data, and nothing in it may be secret: whatever is here, a tenant can read.
 */
export interface ExpressionScope {
  readonly json: JsonObject
  readonly binary?: Readonly<Record<string, BinaryRef>>
  readonly item: ExpressionItem
  readonly itemIndex: number
  readonly runIndex: number
  input (): ItemsView
  /** Undefined where there is no such node, or it has not run. */
  node (id: string): NodeItemsView | undefined
  readonly vars: Readonly<Record<string, unknown>>
  readonly workflow: { readonly id: string, readonly name: string, readonly active?: boolean, readonly version?: number | string }
  readonly execution: { readonly id: string, readonly mode: string, readonly resumeUrl?: string | undefined, readonly approvalUrls?: Readonly<Record<string, string>> | undefined }
  /** Milliseconds since the epoch; the same for a whole step, so that a repeated step sees the same time. */
  now (): number
  /** IANA name, such as `Europe/Paris`. */
  readonly timeZone: string
  readonly nodeId: string
  readonly page?: PageScope | undefined
  /** Where the polls of a trigger have come to. */
  readonly cursor?: unknown
  readonly limits?: Partial<ExpressionLimits>
}

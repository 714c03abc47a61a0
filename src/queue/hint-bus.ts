/** A segment was committed. A hint may be lost: whoever depends on it reads the table too. */
export interface SegmentHint {
  readonly organizationId: string
  readonly workflowId: string
  readonly executionId: string
  readonly seq: number
  readonly lastSeq: number
  /** The final status, or empty. */
  readonly status: string
  /** JSON text of the events; undefined where it is too large to carry. */
  readonly events: string | undefined
}

/** Something that other processes should look at anew. */
export type ControlHint =
  | { readonly type: 'mail', readonly executionId: string }
  /** A parked execution has mail. */
  | { readonly type: 'due', readonly executionId: string, readonly organizationId: string }
  | { readonly type: 'publication', readonly organizationId: string, readonly workflowId: string }
  | { readonly type: 'variables', readonly organizationId: string }
  | { readonly type: 'credential', readonly organizationId: string, readonly credentialId: string }
  /** It has got a subscription to events. */
  | { readonly type: 'subscription', readonly organizationId: string }
  | { readonly type: 'accepted', readonly organizationId: string }

export interface HintBus {
  /** Tells those who watch the organization; costs nothing where nobody does. */
  publish (hints: readonly SegmentHint[]): void
  /** Watches an organization until the returned function is called. */
  watch (organizationId: string, listener: (hint: SegmentHint) => void): () => void
  control (hint: ControlHint): void
  onControl (listener: (hint: ControlHint) => void): () => void
  close (): Promise<void>
}

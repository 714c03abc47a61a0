/** What only few executions have: kept as JSON text in `origin`, which is empty for all others. */
export interface ExecutionOrigin {
  /** The first of a chain of retries. */
  readonly rootId?: string
  readonly retryOf?: string
  readonly priority?: Priority
  /** The step of another execution that started it. */
  readonly parent?: ParentStep
  /** How many executions it is a part of. */
  readonly depth?: number
  /** How many ends of executions started something, one behind the other, that led to it. */
  readonly hops?: number
  /** It begins with more than its trigger's item: the column `beginning`. */
  readonly prepared?: true
}

export interface ParentStep {
  readonly id: string
  readonly nodeId: string
  readonly run: number
  /** Which of the step's items it is for. */
  readonly index: number
  /** Whether the step waits for its end. */
  readonly awaited: boolean
}

export type Priority = 'high' | 'normal' | 'low'

const NOTHING: ExecutionOrigin = {}
const LEVELS: Readonly<Record<Priority, number>> = { high: 1, normal: 0, low: -1 }

export function readOrigin (text: string): ExecutionOrigin {
  return text === '' ? NOTHING : JSON.parse(text) as ExecutionOrigin
}

/** On one line; empty where there is nothing to say. */
export function writeOrigin ({ priority, ...origin }: ExecutionOrigin): string {
  const said = priority === undefined || priority === 'normal' ? origin : { ...origin, priority }
  return Object.keys(said).length === 0 ? '' : JSON.stringify(said)
}

export function priorityOf (origin: string): Priority {
  return readOrigin(origin).priority ?? 'normal'
}

/** As the database orders by it. */
export function priorityLevel (origin: string): number {
  return LEVELS[priorityOf(origin)]
}

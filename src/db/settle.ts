import type { MaybeRow, PendingQuery, RowList } from 'postgres'

/** What a query of postgres.js holds of what it was given, fragments in it too. */
interface Holding {
  readonly args?: unknown[]
  readonly parameters?: unknown[]
}

/**
 * The answer to a statement of the hot path; the query then lets go of its parameters.
 *
 * Queries (and fragments) are given closures as properties, and V8 allocates a function literal that is assigned to a
 * property in the old generation. So each query, however short-lived, counts as alive until the next full collection, and
 * with it everything it refers to: the text of each batch was moved to the old generation, which then had to be
 * collected all the time.
 */
export async function settle<T extends readonly MaybeRow[]> (query: PendingQuery<T>): Promise<RowList<T>> {
  try {
    return await query
  } finally {
    letGo(query as Holding)
  }
}

function letGo ({ args, parameters }: Holding): void {
  if (parameters !== undefined) parameters.length = 0
  if (args === undefined) return
  for (const argument of args) if (argument instanceof Promise) letGo(argument as Holding)
  args.length = 0
}

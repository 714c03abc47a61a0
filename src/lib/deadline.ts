/** Milliseconds within which the answer to one query must come. */
export const QUERY_DEADLINE = 10_000

/** Thrown when an answer did not come in time; what was asked for may still happen. */
export class DeadlineError extends Error {
  readonly code = 'CONNECT_TIMEOUT'

  constructor (milliseconds: number) {
    super(`No answer within ${milliseconds} ms`)
    this.name = 'DeadlineError'
  }
}

/** For promises that may never settle: a query that a dead connection left in the driver's queue. */
export async function withDeadline<T> (milliseconds: number, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new DeadlineError(milliseconds)) }, milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The answer to one query, or an error: a query whose connection died may never settle, and whoever asked must go on. */
export async function answered<T> (query: PromiseLike<T>): Promise<T> {
  return await withDeadline(QUERY_DEADLINE, query)
}

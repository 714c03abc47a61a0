import type { StepError } from './node-error.ts'

/** Characters of what is kept with an error or a line of the log, as JSON: it is there to be read, and goes wherever the error goes. */
export const MAX_DATA = 64 * 1024
const MAX_MESSAGE = 10_000
/** Characters of the beginning that is kept of what is longer. */
const BEGINNING = 2000

/** The data, or of data that is too long its size and how it begins. */
export function briefData (data: unknown, most = MAX_DATA): unknown {
  const text = JSON.stringify(data)
  if (text === undefined || text.length <= most) return data
  return { truncated: true, size: text.length, beginning: text.slice(0, BEGINNING) }
}

export function briefError (error: StepError, most = MAX_DATA): StepError {
  const { message, data } = error
  return {
    ...error,
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message,
    ...(data === undefined ? {} : { data: briefData(data, most) })
  }
}

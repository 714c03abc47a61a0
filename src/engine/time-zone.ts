const known = new Map<string, boolean>()
const MAX_REMEMBERED = 1000

/** Whether there is an IANA time zone of this name. */
export function isTimeZone (name: string): boolean {
  let answer = known.get(name)
  if (answer === undefined) {
    answer = exists(name)
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(name, answer)
  }
  return answer
}

function exists (name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

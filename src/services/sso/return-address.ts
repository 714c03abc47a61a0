import { InvalidInput } from '../problems.ts'

/** Segments of a plain path; after them nothing is left for a proxy or a router to read in another way. */
const PLAIN_PATH = /^(\/[\w.~-]+)*\/?$/
/** What the service answers for strangers, at whatever address it stands: a webhook of another organization would get the code in its input. */
const ANSWERED_FOR_STRANGERS = new Set(['hooks', 'v1'])

/** Throws InvalidInput unless a code may be sent there. Whoever begins a sign-in chooses the address, and may be somebody else than who signs in. */
export function refuseReturnAddress (returnTo: string, origins: readonly string[]): void {
  const url = URL.canParse(returnTo) ? new URL(returnTo) : null
  if (url === null || url.hash !== '' || url.username !== '' || url.password !== '' || !origins.includes(url.origin)) {
    throw refusal('must be a URL, without a fragment, at an origin that the operator lists (WECONNECT_CORS_ORIGINS)')
  }
  if (!PLAIN_PATH.test(url.pathname)) throw refusal('must have a path of letters, digits, ".", "_", "~" and "-" between single slashes, without escapes')
  if (url.pathname.toLowerCase().split('/').some(segment => ANSWERED_FOR_STRANGERS.has(segment))) {
    throw refusal('must be a page of yours: below "hooks" and "v1" organizations answer, and would get the code of somebody of another one')
  }
}

function refusal (message: string): Error {
  return InvalidInput([{ pointer: '/query/returnTo', message, code: 'WC_INVALID_VALUE' }])
}

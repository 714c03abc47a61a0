import { createHash } from 'node:crypto'
import type { HmacScheme } from './hmac.ts'
import { headerOf, type SignedRequest } from './signed-request.ts'

/**
 * https://www.twilio.com/docs/usage/security#validating-requests: what is signed is the address that Twilio calls, and the
 * fields of a form; of any other body the address holds the hash.
 * @param address where the service is reached, without a slash at its end: never what a request says of itself
 * @param url the whole address of the endpoint without its query, where it is another
 */
export function twilio (address: string, url: string | undefined): HmacScheme {
  return {
    algorithm: 'sha1',
    encoding: 'base64',
    keyOf: secret => secret.trim() === '' ? undefined : secret,
    read (request) {
      const signature = headerOf(request, 'x-twilio-signature')
      if (signature === undefined) return undefined
      const { slug, path, queryText } = request
      const called = `${url ?? `${address}/hooks/${slug}/${path}`}${queryText === '' ? '' : `?${queryText}`}`
      const hash = new URLSearchParams(queryText).get('bodySHA256')
      if (hash === null) return { signatures: [signature], signed: [called, ...fieldsOf(request)] }
      return { signatures: createHash('sha256').update(request.body).digest('hex') === hash.toLowerCase() ? [signature] : [], signed: [called] }
    }
  }
}

/** Names and values in the order of names, each pair once. */
function fieldsOf ({ headers, body }: SignedRequest): string[] {
  if (headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') !== true) return []
  const values = new Map<string, Set<string>>()
  for (const [name, value] of new URLSearchParams(Buffer.from(body).toString())) {
    const present = values.get(name)
    if (present === undefined) values.set(name, new Set([value]))
    else present.add(value)
  }
  return [...values.keys()].sort().flatMap(name => [...values.get(name)!].sort().map(value => name + value))
}

import { sameText } from './compare.ts'
import { headerOf, UnusableSecret, type SignedRequest, type Verifier } from './signed-request.ts'

/** RFC 7617. @param pairs `user:password` */
export function basicVerifier (pairs: readonly string[]): Verifier {
  // Without either, everyone would know them.
  const usable = pairs.filter(pair => pair.includes(':') && pair !== ':')
  if (usable.length === 0) throw new UnusableSecret('holds no user name and password, as user:password')
  return tokenVerifier(usable, request => {
    const encoded = behind(headerOf(request, 'authorization'), 'Basic ')
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
  })
}

/** A header whose value only the sender knows. */
export function headerVerifier (name: string, prefix: string, secrets: readonly string[]): Verifier {
  const usable = secrets.filter(secret => secret.trim() !== '')
  if (usable.length === 0) throw new UnusableSecret('holds no secret')
  return tokenVerifier(usable, request => behind(headerOf(request, name.toLowerCase()), prefix))
}

function tokenVerifier (secrets: readonly string[], read: (request: SignedRequest) => string | undefined): Verifier {
  return request => {
    const shown = read(request)
    if (shown === undefined) return 'missing'
    let good = false
    for (const secret of secrets) good = sameText(secret, shown) || good
    return good ? undefined : 'invalid'
  }
}

/** Schemes are not case-sensitive; undefined where the value has another one. */
export function behind (value: string | undefined, prefix: string): string | undefined {
  return value?.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase() ? value.slice(prefix.length) : undefined
}

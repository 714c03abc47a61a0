/** Where nobody can listen in between (RFC 8252, section 8.3). */
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/

/** What keeps an address from being that of a server that is sent secrets, or null. */
export function addressProblem ({ protocol, hostname, username, password, hash }: URL): string | null {
  if (username !== '' || password !== '' || hash !== '') return 'must have no user, password or fragment'
  return protocol === 'http:' && !LOOPBACK.test(hostname) ? 'must begin with https: what is sent there is as good as a password' : null
}

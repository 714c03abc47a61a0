/**
 * A host name, an address, or `*.example.com` for everything below a name. Lower case, as URLs have it:
 * internationalised names in their ASCII form (xn--…), IPv6 in brackets.
 */
export const HOST_PATTERN = '^([*][.])?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$|^\\[[0-9a-f:.]+\\]$'

/** @param host as in `URL.hostname`, or as a client of another protocol was given it */
export function hostIsAllowed (allowedHosts: readonly string[] | null, host: string): boolean {
  if (allowedHosts === null) return true
  const name = canonical(host)
  return allowedHosts.some(allowed => allowed.startsWith('*.') ? name.endsWith(allowed.slice(1)) && name.length > allowed.length - 1 : name === allowed)
}

/** Whether each host that `wide` lets through is let through by `narrow` too. */
export function isNoWider (wide: readonly string[] | null, narrow: readonly string[] | null): boolean {
  if (narrow === null) return true
  if (wide === null) return false
  return wide.every(host => host.startsWith('*.')
    ? narrow.some(other => other.startsWith('*.') && host.slice(1).endsWith(other.slice(1)))
    : hostIsAllowed(narrow, host))
}

// A dot at the end makes the same name absolute.
function canonical (host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '')
  return name.includes(':') && !name.startsWith('[') ? `[${name}]` : name
}

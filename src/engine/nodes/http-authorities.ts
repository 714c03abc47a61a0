import { X509Certificate } from 'node:crypto'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Why this text holds no certificates to trust, or null. TLS itself passes over what it cannot read, and then trusts nobody. */
export function authoritiesProblem (pem: string): string | null {
  const found = pem.match(CERTIFICATE) ?? []
  return found.length > 0 && found.every(isReadable) ? null : 'is not one or more certificates in PEM'
}

function isReadable (pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

import { createAddressList } from '../../lib/guarded-fetch/addresses.ts'
import type { ParameterIssue } from './node-type.ts'

export const MAX_NETWORKS = 200

export function addressIssues (networks: readonly string[] = []): ParameterIssue[] {
  return networks.flatMap((network, index) => isNetwork(network)
    ? []
    : [{ pointer: `/allowIps/${index}`, message: 'must be an address or a network such as 192.0.2.0/24 or 2001:db8::/32', code: 'WC_INVALID_FORMAT' }])
}

function isNetwork (text: string): boolean {
  try {
    createAddressList([text])
    return true
  } catch {
    return false
  }
}

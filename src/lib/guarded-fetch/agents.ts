import { createHash } from 'node:crypto'
import { Agent } from 'undici'
import { createConnector } from './connector.ts'
import type { Lookup } from './connector.ts'
import type { ClientCertificate, OutgoingRequest } from './types.ts'

export interface AgentsOptions {
  readonly isOpen: (address: string) => boolean
  readonly lookup?: Lookup
  /** Of the operator, for all that names none of its own. Its address need not be public. */
  readonly proxy?: string | undefined
}

/** What a connection depends on, beside where it leads. */
interface Way extends Pick<OutgoingRequest, 'allowUnauthorizedCerts' | 'ca' | 'proxy'> {
  readonly clientCertificate: ClientCertificate | undefined
}

export interface Agents {
  for (way: Way): Agent
  close (): Promise<void>
}

/** Ways of connecting that are kept; each holds sockets of its own for some seconds. */
const KEPT = 64

/**
 * Sockets are reused, and so belong to one way of connecting: one opened without verification, with another's certificate or
 * through a proxy must not serve who did not ask for it.
 */
export function createAgents ({ isOpen, lookup, proxy: ownProxy }: AgentsOptions): Agents {
  const agents = new Map<string, Agent>()

  function open ({ allowUnauthorizedCerts, ca, clientCertificate, proxy }: Way): Agent {
    const through = proxy ?? ownProxy
    return new Agent({
      connect: createConnector({
        isOpen,
        rejectUnauthorized: allowUnauthorizedCerts !== true,
        ...(lookup && { lookup }),
        ...(ca !== undefined && { ca }),
        ...(clientCertificate && { clientCertificate }),
        ...(through !== undefined && { proxy: { url: new URL(through), guarded: proxy !== undefined } })
      }),
      // The deadline of the whole exchange is ours.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveMaxTimeout: 30_000
    })
  }

  return {
    for (request) {
      const key = keyOf(request)
      const known = agents.get(key)
      const agent = known ?? open(request)
      // Again at the end: the map's order is that of use.
      agents.delete(key)
      agents.set(key, agent)
      if (agents.size > KEPT) evictOldest(agents)
      return agent
    },
    async close () {
      await Promise.all([...agents.values()].map(async agent => { await agent.destroy() }))
    }
  }
}

function evictOldest (agents: Map<string, Agent>): void {
  const [oldest] = agents
  if (oldest === undefined) return
  agents.delete(oldest[0])
  // Lets what is under way end.
  oldest[1].close().catch(() => {})
}

function keyOf ({ allowUnauthorizedCerts = false, ca, clientCertificate, proxy = '' }: Way): string {
  const own = ca === undefined && clientCertificate === undefined ? '' : JSON.stringify([ca, clientCertificate?.certificate, clientCertificate?.key, clientCertificate?.passphrase])
  return `${allowUnauthorizedCerts} ${proxy} ${createHash('sha256').update(own).digest('base64')}`
}

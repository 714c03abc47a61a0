import type { Config } from '../config.ts'
import { createAddressList } from '../lib/guarded-fetch/addresses.ts'

/**
 * Whose entries in `X-Forwarded-For` count, for Fastify: asked for each from the last one on. Proxies append, so whatever stands before
 * the entry of the outermost that is ours is what the client wrote.
 */
export function trustedProxies (trusted: Config['server']['trustProxy']): false | ((address: string, hop: number) => boolean) {
  if (trusted === false) return false
  return typeof trusted === 'number' ? (_address, hop) => hop < trusted : createAddressList(trusted)
}

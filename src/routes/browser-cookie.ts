import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FlowCookie } from '../services/browser-flow.ts'

/** Gives the browser the cookie of a flow. Lax: the other server sends the browser back from another site. */
export function setFlowCookie (reply: FastifyReply, { name, value, seconds }: FlowCookie, path: string, secure: boolean): void {
  reply.header('set-cookie', `${name}=${value}; Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`)
}

/** Looks for cookies that the browser brought back. */
export function cookiesOf ({ headers: { cookie = '' } }: FastifyRequest): (name: string) => string | undefined {
  const cookies = new Map(cookie.split(';').flatMap(pair => {
    const at = pair.indexOf('=')
    return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const]
  }))
  return name => cookies.get(name)
}

/** Whether a person looks at the answer. */
export function wantsPage ({ headers: { accept = '' } }: FastifyRequest): boolean {
  return /\btext\/html\b/.test(accept)
}

/** A page beside the schema of the route, without anything that runs. */
export async function sendPage (reply: FastifyReply, page: string): Promise<FastifyReply> {
  reply.type('text/html; charset=utf-8').header('content-security-policy', 'default-src \'none\'; frame-ancestors \'none\'')
  return await reply.serializer((text: unknown) => String(text)).send(page as never)
}

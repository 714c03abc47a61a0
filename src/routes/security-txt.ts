import type { FastifyPluginAsync } from 'fastify'
import type { Clock } from '../lib/ids.ts'
import { PUBLIC } from '../schemas/access.ts'

interface Options {
  /** A URI: mailto:, https:. */
  readonly contact: string | null
  readonly publicUrl: string | null
  readonly clock: Clock
}

const DAY = 86_400_000
/** RFC 9116 wants less than a year, so that what nobody looks after any more says so. */
const GOOD_FOR = 180 * DAY

const POLICY = `Whoever operates this installation has not said where to report a vulnerability of it: tell them by the way
you know them. What is wrong with WeConnect itself is reported as the file SECURITY.md of its source says.
`

/** `/.well-known/security.txt` (RFC 9116). */
export const securityTextRoutes: FastifyPluginAsync<Options> = async (app, { contact, publicUrl, clock }) => {
  const hidden = { config: { access: PUBLIC, quiet: true }, schema: { hide: true } }
  app.get('/security.txt', hidden, async ({ protocol, host }, reply) => {
    const base = `${publicUrl ?? `${protocol}://${host}`}/.well-known`
    const expires = new Date(Math.floor((clock() + GOOD_FOR) / DAY) * DAY)
    return await reply.type('text/plain; charset=utf-8').send([
      `Contact: ${contact ?? `${base}/security-policy.txt`}`, `Expires: ${expires.toISOString()}`, `Canonical: ${base}/security.txt`, 'Preferred-Languages: en', ''
    ].join('\n'))
  })
  if (contact === null) app.get('/security-policy.txt', hidden, async (_request, reply) => await reply.type('text/plain; charset=utf-8').send(POLICY))
}

import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

export interface BrowserOptions {
  /** Origins whose pages may call the API, as browsers name them. */
  readonly corsOrigins: readonly string[]
  readonly publicUrl: string | null
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a page that opened this WebSocket may: one of the service's own address, or of the list. What is no browser names none. */
    allowsOrigin (request: FastifyRequest): boolean
  }
}

const HSTS_SECONDS = 31_536_000
const PREFLIGHT_SECONDS = 600

/** Knows which pages may open a WebSocket; the same-origin policy does not hold for those. */
export const browsers = fp<BrowserOptions>(async function browsersPlugin (app, { corsOrigins, publicUrl }) {
  const allowed = new Set([...corsOrigins, ...(publicUrl === null ? [] : [new URL(publicUrl).origin])])
  app.decorate('allowsOrigin', ({ headers: { origin, host } }) => {
    if (origin === undefined || allowed.has(origin)) return true
    return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
  })
}, { name: 'browsers', fastify: '5.x' })

/** Headers for browsers, in the scope that it is called on: there is nothing here that a page of others should embed or run. */
export async function protectBrowsers (scope: FastifyInstance, { corsOrigins, publicUrl }: BrowserOptions): Promise<void> {
  await scope.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: publicUrl?.startsWith('https:') === true ? { maxAge: HSTS_SECONDS, includeSubDomains: false } : false
  })
  if (corsOrigins.length === 0) return
  await scope.register(cors, {
    origin: [...corsOrigins],
    // Tokens travel in headers. Cookies are only for the callbacks of OAuth 2 and single sign-on, which are no page's to call.
    credentials: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['etag', 'location', 'retry-after', 'x-execution-id', 'content-disposition'],
    maxAge: PREFLIGHT_SECONDS,
    strictPreflight: false,
    hideOptionsRoute: true
  })
}

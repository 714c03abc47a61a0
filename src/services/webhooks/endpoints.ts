import { WebhookPaths } from '../../engine/webhook-path.ts'
import type { Sql } from '../../db/client.ts'
import { loadPublishedWebhooks, type PublishedWebhook } from '../../db/queries/published-webhooks.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { LruCache } from '../../lib/lru-cache.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { Plans } from '../plans.ts'
import { compileEndpoint, type Endpoint, type EndpointParts } from './compile-endpoint.ts'

export type { Endpoint } from './compile-endpoint.ts'

export type EndpointMatch =
  | { readonly kind: 'found', readonly endpoint: Endpoint, readonly params: Readonly<Record<string, string>> }
  /** The path is known, with other methods. */
  | { readonly kind: 'otherMethod', readonly allow: readonly string[], readonly endpoints: readonly Endpoint[] }
  | { readonly kind: 'none' }

export interface Endpoints {
  /** @param path percent-encoded, without a slash at its start */
  find (slug: string, method: string, path: string): Promise<EndpointMatch>
  /** The same where this process knows the answer already, which on a hot path is nearly always; undefined where `find` must be asked. */
  known (slug: string, method: string, path: string): EndpointMatch | undefined
  /** Undefined where this process has not met it lately, or it does not exist. */
  organizationOf (slug: string): string | undefined
  /** Reads what is published now, however young the cache is: what it says turned out to be old. */
  refresh (slug: string): Promise<void>
  close (): void
}

interface OrganizationEndpoints {
  readonly organizationId: string | undefined
  readonly paths: WebhookPaths<Map<string, PublishedWebhook>>
  readonly settings: Map<PublishedWebhook, Endpoint>
  readonly loadedAt: number
}

export interface EndpointDependencies extends EndpointParts {
  readonly sql: Sql
  readonly plans: Plans
  readonly hints: HintBus
}

const CACHED_ORGANIZATIONS = 10_000
/**
 * A miss is believed only when the cache is this young: what another process published is found at once even if its
 * hint was lost. A hit needs no such care, the acceptance statement checks its version.
 */
const MISS_AGE = 1000

export function createEndpoints ({ sql, plans, hints, ...parts }: EndpointDependencies): Endpoints {
  const bySlug = new LruCache<string, OrganizationEndpoints>(CACHED_ORGANIZATIONS)
  const slugs = new Map<string, string>()
  const loading = new Map<string, Promise<OrganizationEndpoints>>()
  const stopListening = hints.onControl(hint => {
    const slug = hint.type === 'publication' ? slugs.get(hint.organizationId) : undefined
    if (slug !== undefined) bySlug.delete(slug)
  })

  async function load (slug: string): Promise<OrganizationEndpoints> {
    const loadedAt = performance.now()
    const found = await withDeadline(QUERY_DEADLINE, loadPublishedWebhooks(sql, slug))
    const paths = new WebhookPaths<Map<string, PublishedWebhook>>()
    const byPath = new Map<string, Map<string, PublishedWebhook>>()
    for (const webhook of found?.webhooks ?? []) {
      let methods = byPath.get(webhook.path)
      if (methods === undefined) {
        methods = new Map()
        byPath.set(webhook.path, methods)
      }
      methods.set(webhook.method, webhook)
    }
    for (const [path, methods] of byPath) paths.add(path, methods)
    const loaded = { organizationId: found?.organizationId, paths, settings: new Map<PublishedWebhook, Endpoint>(), loadedAt }
    bySlug.set(slug, loaded)
    if (found !== undefined) slugs.set(found.organizationId, slug)
    return loaded
  }

  async function loadOnce (slug: string): Promise<OrganizationEndpoints> {
    let pending = loading.get(slug)
    if (pending === undefined) {
      pending = load(slug).finally(() => loading.delete(slug))
      loading.set(slug, pending)
    }
    return await pending
  }

  async function settingsOf (organization: OrganizationEndpoints, webhook: PublishedWebhook): Promise<Endpoint | undefined> {
    const known = organization.settings.get(webhook)
    if (known !== undefined) return known
    const plan = await plans.get(webhook.organizationId, webhook.workflowId, webhook.version)
    const node = plan?.byId.get(webhook.nodeId)
    if (plan === undefined || node === undefined) return undefined
    const endpoint = compileEndpoint(parts, webhook, plan, node)
    organization.settings.set(webhook, endpoint)
    return endpoint
  }

  async function match (organization: OrganizationEndpoints, method: string, path: string): Promise<EndpointMatch> {
    const matched = organization.paths.match(path)
    if (matched === undefined) return { kind: 'none' }
    const webhook = matched.value.get(method)
    if (webhook === undefined) {
      const endpoints = await Promise.all([...matched.value.values()].map(async other => await settingsOf(organization, other)))
      return { kind: 'otherMethod', allow: [...matched.value.keys()], endpoints: endpoints.filter(endpoint => endpoint !== undefined) }
    }
    const endpoint = await settingsOf(organization, webhook)
    return endpoint === undefined ? { kind: 'none' } : { kind: 'found', endpoint, params: matched.params }
  }

  function known (slug: string, method: string, path: string): EndpointMatch | undefined {
    const organization = bySlug.get(slug)
    const matched = organization?.paths.match(path)
    const webhook = matched?.value.get(method)
    const endpoint = webhook === undefined ? undefined : organization!.settings.get(webhook)
    return endpoint === undefined ? undefined : { kind: 'found', endpoint, params: matched!.params }
  }

  return {
    known,
    organizationOf: slug => bySlug.get(slug)?.organizationId,
    async find (slug, method, path) {
      const cached = bySlug.get(slug)
      const found = await match(cached ?? await loadOnce(slug), method, path)
      if (found.kind === 'found' || cached === undefined || performance.now() - cached.loadedAt < MISS_AGE) return found
      return await match(await loadOnce(slug), method, path)
    },
    async refresh (slug) {
      await loadOnce(slug)
    },
    close: stopListening
  }
}

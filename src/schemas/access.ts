import type { Permission } from '../services/identity/permissions.ts'

/**
 * Where grants on single resources may stand in for the role. What `:id` names: a workflow, a credential, or something that belongs to
 * a workflow and follows its grants; or a list of such things, which then shows what was granted and no more.
 */
export type GrantedBy = 'workflow' | 'execution' | 'schedule' | 'poll' | 'delivery' | 'file' | 'credential' | 'workflows' | 'credentials'

/**
 * Who may use a route: how the caller shows who it is, what it must be allowed to do, and how the organization is found.
 * Every route declares one as `config.access`; the application does not start with one that is missing or contradicts its scope.
 */
export type RouteAccess =
  /** Anyone. `address`: what the URL holds (a slug, the token of a link) leads to the organization, and the service looks it up. */
  | { readonly auth: 'public', readonly organization: 'none' | 'address' }
  /** A session, for what belongs to its person. `vouched`: also one that an organization's identity provider vouched for, which reaches no more than that. */
  | { readonly auth: 'session', readonly organization: 'none', readonly vouched?: true }
  /** A session or an API key, for all organizations that it belongs to. */
  | { readonly auth: 'credential', readonly organization: 'own' }
  /** `credential`: the one of the API key or of `X-Organization-Id`. `path`: `:id` of the path. */
  | { readonly auth: 'session' | 'credential', readonly organization: 'credential' | 'path', readonly permission: Permission, readonly grantedBy?: GrantedBy }
  /** A single-use ticket that leads to its organization, or else a credential: the route looks by itself. */
  | { readonly auth: 'ticket', readonly organization: 'credential', readonly permission: Permission }

export const PUBLIC = { auth: 'public', organization: 'none' } as const satisfies RouteAccess
export const BY_ADDRESS = { auth: 'public', organization: 'address' } as const satisfies RouteAccess
export const OWN_ACCOUNT = { auth: 'session', organization: 'none' } as const satisfies RouteAccess
/** For what a session may of itself, whoever vouched for it. */
export const OWN_SESSION = { auth: 'session', organization: 'none', vouched: true } as const satisfies RouteAccess
export const OWN_ORGANIZATIONS = { auth: 'credential', organization: 'own' } as const satisfies RouteAccess

/** In the organization scope: the usual case. */
export function needs (permission: Permission, grantedBy?: GrantedBy): RouteAccess {
  return { auth: 'credential', organization: 'credential', permission, ...(grantedBy === undefined ? {} : { grantedBy }) }
}

/** For `/organizations/:id/…`. */
export function needsInPath (permission: Permission, auth: 'session' | 'credential' = 'credential'): RouteAccess {
  return { auth, organization: 'path', permission }
}

export function ticketFor (permission: Permission): RouteAccess {
  return { auth: 'ticket', organization: 'credential', permission }
}

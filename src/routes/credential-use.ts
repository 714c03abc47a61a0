import type { preHandlerHookHandler } from 'fastify'

/** For routes that save a workflow: naming a credential in it takes `credential:use`, which is apart from editing workflows. */
export const mayUseCredentials: preHandlerHookHandler = (request, _reply, done) => {
  // Whoever holds it, which is nearly everybody here, does not pay for the search.
  if (!request.permissions.has('credential:use') && namesCredential(request.body)) request.requirePermission('credential:use')
  done()
}

/** Wherever a definition does it: at a node, or in its parameters. Bodies are 64 levels deep at most. */
function namesCredential (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, member]) => (key === 'credentialId' && member !== null) || namesCredential(member))
}

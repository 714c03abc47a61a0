const NAME = 'weconnect/node'

/** @type {string} */
let address

/** @param {{ address: string }} data */
export function initialize (data) {
  address = data.address
}

/**
 * Packages find the interface that they are written against in whatever folder they stand.
 * @type {import('node:module').ResolveHook}
 */
export async function resolve (specifier, context, next) {
  return specifier === NAME ? { url: address, shortCircuit: true } : await next(specifier, context)
}

/**
 * Parameters are added to the text of a URL's query, and what stands there stays as it was written: `URLSearchParams` would write
 * all of it anew, `%20` as `+` and `flag` as `flag=`, which some servers read otherwise and no signature survives.
 */
export function addToQuery (target: string, pairs: ReadonlyArray<readonly [name: string, value: string]>): string {
  const url = new URL(target)
  url.search = [...piecesOf(url), ...pairs.map(written)].join('&')
  return url.href
}

/** The same for one parameter, in place of those of its name. */
export function setInQuery (target: string, name: string, value: string): string {
  const url = new URL(target)
  url.search = [...piecesOf(url).filter(piece => !new URLSearchParams(`&${piece}`).has(name)), written([name, value])].join('&')
  return url.href
}

function piecesOf (url: URL): readonly string[] {
  return url.search === '' ? [] : url.search.slice(1).split('&')
}

/** A space as `%20`: all read it so, and not all read `+`. */
function written (pair: readonly [name: string, value: string]): string {
  return new URLSearchParams([[...pair]]).toString().replaceAll('+', '%20')
}

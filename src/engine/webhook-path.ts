/** A segment of a webhook's path: text that must be there, or the name of a parameter that takes any value. */
export type PathSegment =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'parameter', readonly name: string }

/** What `nodes/route-path` found to be in order, taken apart: `orders/:id`. */
export function parseWebhookPath (path: string): readonly PathSegment[] {
  return path.split('/').map(segment => segment.startsWith(':')
    ? { kind: 'parameter', name: segment.slice(1) }
    : { kind: 'text', text: segment })
}

/** The path with its parameters unnamed, `orders/:`; two endpoints of one method and shape would answer the same requests. */
export function webhookShape (path: string): string {
  return parseWebhookPath(path).map(segment => segment.kind === 'text' ? segment.text : ':').join('/')
}

export interface PathMatch<T> {
  readonly value: T
  readonly params: Readonly<Record<string, string>>
}

interface Branch<T> {
  readonly texts: Map<string, Branch<T>>
  parameter?: Branch<T>
  end?: { readonly value: T, readonly names: readonly string[] }
}

const NO_PARAMS = Object.freeze({})

/**
 * Finds the endpoint for a concrete path. Text wins over a parameter, from left to right, and a parameter is
 * tried where the text leads nowhere. The work is bounded by the number of endpoints, whatever the path.
 */
export class WebhookPaths<T> {
  readonly #root: Branch<T> = { texts: new Map() }
  /** Paths without parameters, as they come when nothing in them is escaped: most requests need no search. */
  readonly #plain = new Map<string, PathMatch<T>>()

  /** A later path of the same shape replaces an earlier one. */
  add (path: string, value: T): void {
    const segments = parseWebhookPath(path)
    let branch = this.#root
    for (const segment of segments) {
      let next = segment.kind === 'text' ? branch.texts.get(segment.text) : branch.parameter
      if (next === undefined) {
        next = { texts: new Map() }
        if (segment.kind === 'text') branch.texts.set(segment.text, next)
        else branch.parameter = next
      }
      branch = next
    }
    if (segments.every(({ kind }) => kind === 'text') && !path.includes('%')) this.#plain.set(path, { value, params: NO_PARAMS })
    branch.end = { value, names: segments.flatMap(segment => segment.kind === 'parameter' ? [segment.name] : []) }
  }

  /** `path` as in the URL, percent-encoded, without a slash at its start. */
  match (path: string): PathMatch<T> | undefined {
    const plain = this.#plain.get(path)
    if (plain !== undefined) return plain
    const segments = decodeSegments(path)
    return segments === undefined ? undefined : search(this.#root, segments)
  }
}

/** Iterative: a path of the client's may have thousands of segments. */
function search<T> (root: Branch<T>, segments: readonly string[]): PathMatch<T> | undefined {
  const open: { readonly branch: Branch<T>, readonly depth: number, readonly values: readonly string[] }[] = [{ branch: root, depth: 0, values: [] }]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const { branch, depth, values } = state
    const segment = segments[depth]
    if (segment === undefined) {
      if (branch.end === undefined) continue
      const { value, names } = branch.end
      return { value, params: Object.fromEntries(names.map((name, index) => [name, values[index]!])) }
    }
    // Last in, first tried: the text after the parameter. An empty segment is no value.
    if (branch.parameter !== undefined && segment !== '') open.push({ branch: branch.parameter, depth: depth + 1, values: [...values, segment] })
    const next = branch.texts.get(segment)
    if (next !== undefined) open.push({ branch: next, depth: depth + 1, values })
  }
  return undefined
}

function decodeSegments (path: string): readonly string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent)
  } catch {
    // Malformed percent-encoding is the path of no endpoint.
    return undefined
  }
}

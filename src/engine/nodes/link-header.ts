/** A link of a `Link` header. */
export interface Link {
  readonly target: string
  /** Relation types, in lower case. */
  readonly relations: readonly string[]
  /** Whether it says what another resource links to. */
  readonly anchored: boolean
}

const TARGET = /[\s,]*<([^>]*)>/y
const PARAMETER = /\s*;\s*([\w!#$%&'*+.^`|~-]*)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/y
const REST = /[^,]*(?:,|$)/y

/** RFC 8288, appendix B.2: quoted texts may hold commas, semicolons and brackets, and of a repeated `rel` the first one counts. */
export function parseLinks (header: string): readonly Link[] {
  const links: Link[] = []
  let at = 0
  function take (pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at
    const found = pattern.exec(header)
    if (found !== null) at = pattern.lastIndex
    return found
  }

  for (let link = take(TARGET); link !== null; link = take(TARGET)) {
    const parameters = new Map<string, string>()
    for (let found = take(PARAMETER); found !== null; found = take(PARAMETER)) {
      const [, name = '', quoted, token = ''] = found
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/gs, '$1') ?? token)
    }
    take(REST)
    links.push({ target: link[1] ?? '', relations: (parameters.get('rel') ?? '').toLowerCase().split(/\s+/), anchored: parameters.has('anchor') })
  }
  return links
}

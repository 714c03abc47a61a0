import { PreconditionFailed } from '../problems.ts'

/** The entity tags of an If-Match header, or undefined where the client does not care. */
export type Precondition = string | undefined

const TAG = /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"/

export function etagOf ({ revision }: { readonly revision: string }): string {
  return `"${revision}"`
}

/** RFC 9110 section 13.1.1: compares strongly, so that weak tags never match; `*` matches whatever exists. */
export function requireMatch (precondition: Precondition, etag: string): void {
  if (precondition === undefined || precondition.trim() === '*') return
  if (!tagsIn(precondition).includes(etag)) throw PreconditionFailed(etag)
}

/** RFC 9110 section 13.1.2: whether the client has this representation already; compares weakly. */
export function isKnownTo (ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.trim() === '*' || tagsIn(ifNoneMatch).some(tag => tag.replace(/^W\//, '') === etag)
}

function tagsIn (header: string): string[] {
  return header.split(',').map(tag => tag.trim()).filter(tag => TAG.test(tag))
}

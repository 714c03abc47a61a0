/** To begin a list with. Never changed. */
export const NONE: readonly never[] = Object.freeze([])

/**
 * The list with one more element: the same, grown, or where it was empty a new one. For lists of which every execution has
 * many, and which seldom get a second element: V8 makes room for 17 with the first `push`.
 */
export function appended<T> (list: readonly T[], element: T): readonly T[] {
  if (list.length === 0) return [element]
  // Made here, so nobody else's.
  ;(list as T[]).push(element)
  return list
}

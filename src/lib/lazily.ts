/** A function that is made when it is first called. */
export function lazily<A extends unknown[], R> (make: () => (...values: A) => R): (...values: A) => R {
  let made: ((...values: A) => R) | undefined
  return (...values) => (made ??= make())(...values)
}

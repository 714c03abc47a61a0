const NAMES_KEPT = 1000
const LONGEST_KEPT = 100

/**
 * The same function, which remembers what it made of the names that come again and again, as workflows name the same nodes and
 * fields for each execution. What a stranger's data names must not grow without bound: the first names are kept, and no long ones.
 */
export function byName<T extends object | string> (make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>()
  return name => {
    const known = made.get(name)
    if (known !== undefined) return known
    const value = make(name)
    if (made.size < NAMES_KEPT && name.length <= LONGEST_KEPT) made.set(name, value)
    return value
  }
}

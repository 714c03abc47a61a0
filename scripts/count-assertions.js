const POINT = /^( *)(not )?ok\b(?: \d+)?(?: - )?([^#]*)(?:# *(skip|todo)\b.*)?/i
/** Of one failure: a difference of two large documents says no more for being whole. */
const MOST_LINES = 60

/**
 * Counts the assertions themselves in the TAP of one test file, not the subtests that hold them.
 * @param {Iterable<string>} lines
 * @returns {{ passed: number, failed: number, skipped: number, told: string[] }} `told`: of each failed one the subtests that
 *   hold it, and what tap says of it (the difference between actual and expected first)
 */
export function countAssertions (lines) {
  const counts = { passed: 0, failed: 0, skipped: 0, told: [] }
  /** Subtests that are open: their names, how far their heads are indented, and what had failed when they began. */
  const open = []
  /** How far the block of diagnostics is indented that is being read, and how many more of its lines are told. */
  let diagnostics = null
  let left = 0

  function fail (name) {
    counts.failed++
    left = MOST_LINES
    counts.told.push(`FAILED: ${[...open.map(subtest => subtest.name), name.trim()].join(' > ')}`)
  }

  function count (failed, directive, name) {
    if (directive !== undefined) counts.skipped++
    else if (failed) fail(name)
    else counts.passed++
  }

  const points = () => counts.passed + counts.failed + counts.skipped

  for (const line of lines) {
    const indent = line.length - line.trimStart().length
    if (diagnostics !== null) {
      if (indent === diagnostics && line.trim() === '...') diagnostics = null
      else if (left-- > 0) counts.told.push(line.slice(diagnostics))
      continue
    }
    if (line.trim() === '---') {
      diagnostics = indent
      continue
    }
    left = 0
    if (line.trimStart().startsWith('# Subtest: ')) {
      open.push({ name: line.trim().slice('# Subtest: '.length), indent, failures: counts.failed, points: points() })
      continue
    }
    const point = POINT.exec(line)
    if (point === null) continue
    const failed = point[2] !== undefined
    const subtest = open.at(-1)
    if (subtest === undefined || subtest.indent !== indent) {
      count(failed, point[4], point[3])
      continue
    }
    open.pop()
    const empty = points() === subtest.points
    // A subtest may fail without an assertion that does: by its time, or its plan.
    if (failed && point[4] === undefined && counts.failed === subtest.failures) fail(subtest.name)
    else if (empty && point[4] !== undefined) counts.skipped++
  }
  return counts
}

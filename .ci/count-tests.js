// Prints "<passed> <failed> <skipped>" of a file of TAP: the assertions themselves, not the subtests that hold them. Each
// failed one is told on the standard error output: the file and the subtests that hold it, and what tap says of it (the
// difference between actual and expected first).
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const POINT = /^( *)(not )?ok\b(?: \d+)?(?: - )?([^#]*)(?:# *(skip|todo)\b.*)?/i
/** Of one failure: a difference of two large documents says no more for being whole. */
const MOST_LINES = 60
const counts = { passed: 0, failed: 0, skipped: 0 }
/** Subtests that are open: their names, how far their heads are indented, and what had failed when they began. */
const open = []
/** How far the block of diagnostics is indented that is being read, and how many more of its lines are told. */
let diagnostics = null
let told = 0

function count (failed, directive, name) {
  if (directive !== undefined) counts.skipped++
  else if (failed) fail(name)
  else counts.passed++
}

function fail (name) {
  counts.failed++
  told = MOST_LINES
  console.error(`\nFAILED: ${[...open.map(subtest => subtest.name), name.trim()].join(' > ')}`)
}

for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const indent = line.length - line.trimStart().length
  if (diagnostics !== null) {
    if (indent === diagnostics && line.trim() === '...') diagnostics = null
    else if (told-- > 0) console.error(line.slice(diagnostics))
    continue
  }
  if (line.trim() === '---') {
    diagnostics = indent
    continue
  }
  told = 0
  if (line.trimStart().startsWith('# Subtest: ')) {
    open.push({ name: line.trim().slice('# Subtest: '.length), indent, failures: counts.failed, points: counts.passed + counts.failed + counts.skipped })
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
  const empty = counts.passed + counts.failed + counts.skipped === subtest.points
  // A subtest may fail without an assertion that does: by its time, its plan, or the exit of its process.
  if (failed && point[4] === undefined && counts.failed === subtest.failures) fail(subtest.name)
  else if (empty && point[4] !== undefined) counts.skipped++
}

console.log(`${counts.passed} ${counts.failed} ${counts.skipped}`)

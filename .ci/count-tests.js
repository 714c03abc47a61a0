// Prints "<passed> <failed> <skipped>" of a file of TAP: the assertions themselves, not the subtests that hold them.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const POINT = /^( *)(not )?ok\b[^#]*(?:# *(skip|todo)\b.*)?/i
const counts = { passed: 0, failed: 0, skipped: 0 }
/** Subtests that are open: how far their heads are indented, and what had failed when they began. */
const open = []
let diagnostics = null

function count (failed, directive) {
  if (directive !== undefined) counts.skipped++
  else if (failed) counts.failed++
  else counts.passed++
}

for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const indent = line.length - line.trimStart().length
  if (diagnostics !== null) {
    if (indent === diagnostics && line.trim() === '...') diagnostics = null
    continue
  }
  if (line.trim() === '---') {
    diagnostics = indent
    continue
  }
  if (line.trimStart().startsWith('# Subtest: ')) {
    open.push({ indent, failures: counts.failed, points: counts.passed + counts.failed + counts.skipped })
    continue
  }
  const point = POINT.exec(line)
  if (point === null) continue
  const failed = point[2] !== undefined
  const subtest = open.at(-1)
  if (subtest === undefined || subtest.indent !== indent) {
    count(failed, point[3])
    continue
  }
  open.pop()
  const empty = counts.passed + counts.failed + counts.skipped === subtest.points
  // A subtest may fail without an assertion that does: by its time, its plan, or the exit of its process.
  if (failed && point[3] === undefined && counts.failed === subtest.failures) counts.failed++
  else if (empty && point[3] !== undefined) counts.skipped++
}

console.log(`${counts.passed} ${counts.failed} ${counts.skipped}`)

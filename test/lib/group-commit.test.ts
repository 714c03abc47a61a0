import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { GroupCommit, type FailureKind, type GroupCommitOptions } from '../../src/lib/group-commit.ts'

interface Row { readonly key: string, readonly size?: number }

function group (commit: (rows: readonly Row[]) => Promise<readonly string[]>, more: Partial<GroupCommitOptions<Row, string>> = {}): GroupCommit<Row, string> {
  return new GroupCommit<Row, string>({
    commit, classify: error => (error as { kind?: FailureKind }).kind ?? 'fail', sizeOf: row => row.size ?? 1, keyOf: row => row.key, patience: 300, ...more
  })
}

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, index) => ({ key: String(index).padStart(6, '0') }))
const problem = (kind: FailureKind) => Object.assign(new Error(kind), { kind })

t.test('rows of one turn go in one statement, those that come meanwhile in the next, sorted by key', async t => {
  const statements: string[][] = []
  const commits = group(async rows => {
    statements.push(rows.map(row => row.key))
    await sleep(10)
    return rows.map(row => `done ${row.key}`)
  })
  const first = [commits.add({ key: 'b' }), commits.add({ key: 'a' })]
  await sleep(3)
  const second = [commits.add({ key: 'd' }), commits.add({ key: 'c' })]
  t.same(commits.backlog, { rows: 2, bytes: 2 })
  t.same(await Promise.all([...first, ...second]), ['done b', 'done a', 'done d', 'done c'])
  t.same(statements, [['a', 'b'], ['c', 'd']])
  await commits.drained()
  t.same(commits.backlog, { rows: 0, bytes: 0 })
})

t.test('a statement holds so many rows and bytes at most; a larger row goes alone', async t => {
  const statements: number[][] = []
  const commits = group(async rows => {
    statements.push(rows.map(row => row.size ?? 1))
    return rows.map(row => row.key)
  }, { maxRows: 3, maxBytes: 10 })
  const sizes = [1, 1, 1, 1, 9, 2, 50, 1]
  await Promise.all(sizes.map(async (size, index) => await commits.add({ key: String(index), size })))
  t.same(statements, [[1, 1, 1], [1, 9], [2], [50], [1]])
})

t.test('no more statements at once than allowed', async t => {
  let now = 0
  let most = 0
  const commits = group(async rows => {
    most = Math.max(most, ++now)
    await sleep(2)
    now--
    return rows.map(row => row.key)
  }, { maxRows: 1, maxInFlight: 3 })
  await Promise.all(rowsOf(30).map(async row => await commits.add(row)))
  t.equal(most, 3)
})

t.test('a statement beside another waits until it has half as many rows, or until that one is done', async t => {
  const statements: number[] = []
  const ends: Array<() => void> = []
  const commits = group(async rows => {
    statements.push(rows.length)
    await new Promise<void>(resolve => { ends.push(resolve) })
    return rows.map(row => row.key)
  }, { maxInFlight: 2, gather: 60_000 })
  const rows = rowsOf(20)
  const add = async (from: number, to: number): Promise<void> => {
    for (const row of rows.slice(from, to)) void commits.add(row)
    await sleep(5)
  }
  await add(0, 8)
  await add(8, 11)
  t.same(statements, [8], 'three of eight wait')
  await add(11, 12)
  t.same(statements, [8, 4], 'four of eight do not')
  await add(12, 14)
  t.same(statements, [8, 4], 'both are busy')
  ends[1]!()
  await sleep(5)
  t.same(statements, [8, 4], 'two beside eight still wait')
  ends[0]!()
  await sleep(5)
  t.same(statements, [8, 4, 2], 'and go when nothing is before them')
  ends[2]!()
  await add(14, 15)
  t.same(statements, [8, 4, 2, 1], 'one alone goes at once')
  await add(15, 16)
  t.same(statements, [8, 4, 2, 1, 1], 'beside one, too')
  for (const end of ends) end()
  await commits.drained()
})

t.test('a statement that hangs holds up only those that go with it', async t => {
  let end: (() => void) | undefined
  const statements: number[] = []
  const commits = group(async rows => {
    statements.push(rows.length)
    if (rows.length === 8) await new Promise<void>(resolve => { end = resolve })
    return rows.map(row => row.key)
  }, { maxInFlight: 2, gather: 5 })
  const rows = rowsOf(12)
  const first = rows.slice(0, 8).map(async row => await commits.add(row))
  await sleep(5)
  for (const row of rows.slice(8)) t.equal(await commits.add(row), row.key)
  t.same(statements, [8, 1, 1, 1, 1])
  end!()
  t.equal((await Promise.all(first)).length, 8)
  await commits.drained()
})

t.test('an unknown outcome is repeated with the same rows, until patience ends', async t => {
  const seen: string[] = []
  let failures = 2
  const commits = group(async rows => {
    seen.push(rows.map(row => row.key).join())
    if (failures-- > 0) throw problem('repeat')
    return rows.map(row => row.key)
  }, { patience: 1000 })
  t.same(await Promise.all([commits.add({ key: 'a' }), commits.add({ key: 'b' })]), ['a', 'b'])
  t.same(seen, ['a,b', 'a,b', 'a,b'])
  failures = Infinity
  await t.rejects(commits.add({ key: 'c' }), { message: 'repeat' })
  // With pauses of 25, 50, 100, 200, 400 and 500 ms it has lost its patience by the seventh.
  t.ok(seen.length <= 3 + 7, `${seen.length - 3} times`)
  failures = 0
  t.equal(await commits.add({ key: 'd' }), 'd')
})

t.test('any other failure rejects its statement only', async t => {
  const commits = group(async rows => {
    if (rows.some(row => row.key === 'bad')) throw problem('fail')
    return rows.map(row => row.key)
  })
  const results = await Promise.allSettled([commits.add({ key: 'bad' }), commits.add({ key: 'with it' })])
  t.same(results.map(result => result.status), ['rejected', 'rejected'])
  t.equal(await commits.add({ key: 'next' }), 'next')
})

t.test('whatever is bad fails, all else is committed once, and each gets its own answer', async t => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ bad: fc.boolean(), size: fc.integer({ min: 1, max: 8 }), pause: fc.boolean() }), { maxLength: 60 }),
    fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 9 }), async (drafts, maxInFlight, maxRows) => {
      const bad = new Set(drafts.flatMap(({ bad }, index) => bad ? [String(index)] : []))
      const committed: string[] = []
      let flaky = 0
      const commits = group(async rows => {
        if (rows.some(row => bad.has(row.key))) throw problem('split')
        if (flaky++ % 5 === 4) throw problem('repeat')
        committed.push(...rows.map(row => row.key))
        return rows.map(row => `done ${row.key}`)
      }, { maxInFlight, maxRows, maxBytes: 20, patience: 10_000 })
      const results = await Promise.all(drafts.map(async ({ size, pause }, index) => {
        if (pause) await new Promise(resolve => setImmediate(resolve))
        return await commits.add({ key: String(index), size }).catch(() => undefined)
      }))
      await commits.drained()
      t.same(results, drafts.map((_, index) => bad.has(String(index)) ? undefined : `done ${index}`))
      t.same(committed.sort(), [...drafts.keys()].map(String).filter(key => !bad.has(key)).sort())
    }), { numRuns: 25 })
})

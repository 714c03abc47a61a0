import t from 'tap'
import { dueTicks, MOST_MISSED } from '../../../src/engine/schedule/missed.ts'
import { ticksOf, type ScheduleRule } from '../../../src/engine/schedule/rule.ts'

const rule = (more: Partial<ScheduleRule>): ScheduleRule => ({ timeZone: 'UTC', missed: 'one', overlap: 'allow', ...more })
const time = (text: string): number => Date.parse(text)

function some (more: Partial<ScheduleRule>, from: string, count: number): string[] {
  const ticks = ticksOf(rule(more), time(from), 'seed')
  const found: string[] = []
  for (let tick = ticks.after(time(from)); tick !== undefined && found.length < count; tick = ticks.after(tick)) found.push(new Date(tick).toISOString().replace(':00.000Z', 'Z'))
  return found
}

t.test('cron patterns of five and six fields, with names, L, #, W and lists', async t => {
  const next = (cron: string, count = 2): string[] => some({ cron }, '2026-01-01T00:00:00Z', count)
  t.strictSame(next('0 9 * * MON-FRI'), ['2026-01-01T09:00Z', '2026-01-02T09:00Z'])
  t.strictSame(next('0 0 L * *'), ['2026-01-31T00:00Z', '2026-02-28T00:00Z'])
  t.strictSame(next('0 8 * * MON#2'), ['2026-01-12T08:00Z', '2026-02-09T08:00Z'])
  t.strictSame(next('0 8 * * FRIL'), ['2026-01-30T08:00Z', '2026-02-27T08:00Z'])
  t.strictSame(next('0 8 15W * *', 3), ['2026-01-15T08:00Z', '2026-02-16T08:00Z', '2026-03-16T08:00Z'])
  t.strictSame(next('0,30 8-9 1 JAN,JUL *', 5), ['2026-01-01T08:00Z', '2026-01-01T08:30Z', '2026-01-01T09:00Z', '2026-01-01T09:30Z', '2026-07-01T08:00Z'])
  t.strictSame(some({ cron: '*/20 * * * * *' }, '2026-01-01T00:00:05Z', 2), ['2026-01-01T00:00:20.000Z', '2026-01-01T00:00:40.000Z'])
  t.strictSame(next('0 0 29 2 *'), ['2028-02-29T00:00Z', '2032-02-29T00:00Z'])
  t.strictSame(next('0 0 13 * FRI', 3), ['2026-01-02T00:00Z', '2026-01-09T00:00Z', '2026-01-13T00:00Z'], 'a day of the month or of the week, as ever in cron')
})

t.test('daylight saving: a skipped local time fires once at the first valid instant, a repeated one once', async t => {
  const berlin = (cron: string, from: string, count: number): string[] => some({ cron, timeZone: 'Europe/Berlin' }, from, count)
  t.strictSame(berlin('30 2 * * *', '2026-03-28T12:00:00Z', 2), ['2026-03-29T01:00Z', '2026-03-30T00:30Z'])
  t.strictSame(berlin('30 2 * * *', '2026-10-24T12:00:00Z', 2), ['2026-10-25T00:30Z', '2026-10-26T01:30Z'])
  t.strictSame(berlin('0,30 2 * * *', '2026-03-28T12:00:00Z', 2), ['2026-03-29T01:00Z', '2026-03-30T00:00Z'])
  t.strictSame(berlin('0,30 2 * * *', '2026-10-24T12:00:00Z', 3), ['2026-10-25T00:00Z', '2026-10-25T00:30Z', '2026-10-26T01:00Z'])
  t.strictSame(berlin('0 * * * *', '2026-10-24T23:30:00Z', 4), ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z', '2026-10-25T03:00Z'], 'what comes each hour comes each hour')
  t.strictSame(berlin('0 * * * *', '2026-03-29T00:00:00Z', 2), ['2026-03-29T01:00Z', '2026-03-29T02:00Z'])
  t.strictSame(some({ cron: '30 2 * * *', timeZone: 'America/New_York' }, '2026-03-07T12:00:00Z', 2), ['2026-03-08T07:00Z', '2026-03-09T06:30Z'])
  t.strictSame(some({ cron: '15 2 * * *', timeZone: 'Australia/Lord_Howe' }, '2026-10-03T00:00:00Z', 2), ['2026-10-03T15:30Z', '2026-10-04T15:15Z'], 'where it moves by half an hour')
})

t.test('intervals, single times, starts and ends', async t => {
  t.strictSame(some({ every: '5m' }, '2026-01-01T00:01:00Z', 2), ['2026-01-01T00:06Z', '2026-01-01T00:11Z'], 'counted from the publication')
  t.strictSame(some({ every: '5m', startAt: '2026-01-01T00:00:00Z' }, '2026-01-01T00:01:00Z', 2), ['2026-01-01T00:05Z', '2026-01-01T00:10Z'])
  t.strictSame(some({ every: '1d', startAt: '2026-02-01T00:00:00Z', endAt: '2026-02-02T00:00:00Z' }, '2026-01-01T00:00:00Z', 9), ['2026-02-01T00:00Z', '2026-02-02T00:00Z'])
  t.strictSame(some({ at: '2026-02-01T10:00:00+02:00' }, '2026-01-01T00:00:00Z', 9), ['2026-02-01T08:00Z'])
  t.strictSame(some({ at: '2025-02-01T10:00:00Z' }, '2026-01-01T00:00:00Z', 9), [])
  t.strictSame(some({ cron: '0 0 * * *', startAt: '2026-02-01T00:00:00Z', endAt: '2026-02-02T12:00:00Z' }, '2026-01-01T00:00:00Z', 9), ['2026-02-01T00:00Z', '2026-02-02T00:00Z'])
})

t.test('jitter comes later, within bounds, the same each time and another for each schedule', async t => {
  const of = (seed: string) => ticksOf(rule({ every: '1h', jitter: '10m' }), 0, seed)
  const tick = time('2026-01-01T00:00:00Z')
  const delays = Array.from({ length: 200 }, (_, index) => of('a').dueAt(tick + index * 3_600_000) - (tick + index * 3_600_000))
  t.ok(delays.every(delay => delay >= 0 && delay < 600_000))
  t.ok(Math.max(...delays) - Math.min(...delays) > 400_000, 'spread out')
  t.equal(of('a').dueAt(tick), of('a').dueAt(tick))
  t.not(of('a').dueAt(tick), of('b').dueAt(tick))
})

t.test('missed ticks: none, one, or all up to a cap', async t => {
  const now = time('2026-01-01T12:00:30Z')
  const due = (more: Partial<ScheduleRule>, first = '2026-01-01T09:00:00Z', every = '1h') => {
    const ruled = rule({ every, startAt: first, ...more })
    const { fire, next } = dueTicks(ruled, ticksOf(ruled, 0, 's'), time(first), now)
    return { fire: fire.map(({ tick, missed }) => `${new Date(tick).toISOString().slice(11, 16)}${missed ? ' missed' : ''}`), next: next === undefined ? undefined : new Date(next).toISOString().slice(11, 16) }
  }
  t.strictSame(due({ missed: 'skip' }), { fire: ['12:00'], next: '13:00' }, 'what is late by seconds was not missed')
  t.strictSame(due({ missed: 'one' }), { fire: ['12:00'], next: '13:00' })
  t.strictSame(due({ missed: 'all' }), { fire: ['09:00 missed', '10:00 missed', '11:00 missed', '12:00'], next: '13:00' })
  t.strictSame(due({ missed: 'all', overlap: 'skip' }), { fire: ['12:00'], next: '13:00' })
  t.strictSame(due({ missed: 'skip', startAt: '2026-01-01T09:30:00Z' }, '2026-01-01T09:30:00Z'), { fire: [], next: '12:30' })
  t.strictSame(due({ missed: 'one', startAt: '2026-01-01T09:30:00Z' }, '2026-01-01T09:30:00Z'), { fire: ['11:30 missed'], next: '12:30' })
  t.strictSame(due({ missed: 'one', endAt: '2026-01-01T10:00:00Z' }), { fire: ['10:00 missed'], next: undefined })
  const seconds = due({ missed: 'all' }, '2025-06-01T00:00:00Z', '1s')
  t.equal(seconds.fire.length, MOST_MISSED, 'months of seconds cost no months of steps')
  t.equal(seconds.fire.at(-1), '12:00')
})

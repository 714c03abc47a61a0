import t from 'tap'
import { dateTime } from '../../../src/engine/nodes/data/date-time.ts'
import { mainOf, runNode } from '../../support/run-node.ts'

const result = async (parameters: object): Promise<unknown> => (await mainOf(dateTime, [{}], { timeZone: 'UTC', ...parameters }))[0]?.date

t.test('dates are read by their looks or by a format, and written in many forms', async t => {
  for (const date of ['2030-03-01T12:00:00+02:00', '2030-03-01T10:00:00Z', '2030-03-01 10:00:00', 'Fri, 01 Mar 2030 10:00:00 GMT', 1898589600000, 'March 1, 2030 10:00']) {
    t.equal(await result({ date }), '2030-03-01T10:00:00.000Z', String(date))
  }
  t.equal(await result({ date: '01.03.2030 10:00', inputFormat: 'dd.MM.yyyy HH:mm', timeZone: 'Europe/Oslo' }), '2030-03-01T10:00:00.000+01:00')
  t.equal(await result({ date: '1898589600', inputFormat: 'unixSeconds' }), '2030-03-01T10:00:00.000Z')
  t.equal(await result({ date: '1. März 2030', inputFormat: 'd. MMMM yyyy', locale: 'de', outputFormat: 'date' }), '2030-03-01')
  const date = '2030-03-01T10:00:00Z'
  for (const [outputFormat, text] of [
    ['date', '2030-03-01'], ['time', '10:00:00.000'], ['unixSeconds', 1898589600], ['unixMilliseconds', 1898589600000], ['http', 'Fri, 01 Mar 2030 10:00:00 GMT'],
    ['rfc2822', 'Fri, 01 Mar 2030 10:00:00 +0000'], ['cccc d MMMM', 'Friday 1 March']
  ] as const) t.equal(await result({ date, outputFormat }), text, outputFormat)
  t.equal(await result({ date, outputFormat: 'cccc d. MMMM', locale: 'de' }), 'Freitag 1. März')
})

t.test('calculations know calendars and daylight saving', async t => {
  t.equal(await result({ operation: 'add', date: '2030-01-31', amount: 1, unit: 'month' }), '2030-02-28T00:00:00.000Z')
  t.equal(await result({ operation: 'add', date: '2030-03-30T12:00:00', amount: 1, unit: 'day', timeZone: 'Europe/Oslo' }), '2030-03-31T12:00:00.000+02:00')
  t.equal(await result({ operation: 'subtract', date: '2030-03-01', amount: '2', unit: 'hour' }), '2030-02-28T22:00:00.000Z')
  t.equal(await result({ operation: 'difference', date: '2030-01-01', until: '2030-01-02T12:00:00Z' }), 1.5)
  t.equal(await result({ operation: 'difference', date: '2030-01-02', until: '2030-01-01', unit: 'hour' }), -24)
  t.equal(await result({ operation: 'startOf', date: '2030-03-05T10:11:12Z', unit: 'week' }), '2030-03-04T00:00:00.000Z')
  t.equal(await result({ operation: 'endOf', date: '2030-02-05', unit: 'month' }), '2030-02-28T23:59:59.999Z')
  const date = '2030-03-05T10:31:00Z'
  t.equal(await result({ operation: 'round', date, unit: 'hour' }), '2030-03-05T11:00:00.000Z')
  t.equal(await result({ operation: 'round', date, unit: 'hour', rounding: 'down' }), '2030-03-05T10:00:00.000Z')
  t.equal(await result({ operation: 'round', date, unit: 'day', rounding: 'up' }), '2030-03-06T00:00:00.000Z')
  t.equal(await result({ operation: 'round', date: '2030-03-05', rounding: 'up' }), '2030-03-05T00:00:00.000Z')
})

t.test('parts', async t => {
  const date = '2030-03-05T10:11:12.013Z'
  const expected = { year: 2030, quarter: 1, month: 3, monthName: 'March', week: 10, day: 5, dayOfYear: 64, weekday: 2, weekdayName: 'Tuesday', hour: 10, minute: 11, second: 12, millisecond: 13, offset: 0, daysInMonth: 31 }
  for (const [part, value] of Object.entries(expected)) t.equal(await result({ operation: 'extract', date, part }), value, part)
  t.equal(await result({ operation: 'extract', date, part: 'weekdayName', locale: 'fr', timeZone: 'Asia/Tokyo' }), 'mardi')
})

t.test('now is one time for all items, in the workflow\'s zone; the result goes where it is wanted', async t => {
  const options = { items: [{ a: { b: 1 } }, {}], now: Date.UTC(2030, 0, 1), timeZone: 'Asia/Tokyo', parameters: { operation: 'now', field: 'a.now' } }
  t.same(await runNode(dateTime, options), {
    main: [{ json: { a: { b: 1, now: '2030-01-01T09:00:00.000+09:00' } }, from: [0] }, { json: { a: { now: '2030-01-01T09:00:00.000+09:00' } }, from: [1] }]
  })
})

t.test('what is no date is an error that names the item and the parameter', async t => {
  for (const date of ['soon', '', '2030-02-30', null, {}, true, '9'.repeat(500), Infinity, 9e15]) {
    await t.rejects(result({ date }), { code: 'WC_DATE', detail: { pointer: '/date', itemIndex: 0 } }, String(date).slice(0, 20))
  }
  await t.rejects(result({ date: '2030', inputFormat: 'y'.repeat(200) }), { code: 'WC_DATE' })
  await t.rejects(result({ date: '111111111111', inputFormat: 'M MM M MM' }), { code: 'WC_DATE', detail: { pointer: '/inputFormat' } })
  await t.rejects(result({ operation: 'difference', date: '2030-01-01', until: 'x' }), { code: 'WC_DATE', detail: { pointer: '/until' } })
  await t.rejects(result({ operation: 'add', date: '2030-01-01', amount: 1e10, unit: 'year' }), { code: 'WC_DATE', detail: { pointer: '/amount' } })
  for (const amount of ['many', null, NaN]) await t.rejects(result({ operation: 'add', date: '2030-01-01', amount }), { code: 'WC_PARAMETER' })
  for (const parameters of [{ unit: 'constructor' }, { operation: 'extract', part: '__proto__' }]) await t.rejects(result({ date: '2030-01-01', ...parameters }), { code: 'WC_PARAMETER' })
  for (const timeZone of ['Mars/Olympus', '', 5, 'x'.repeat(1000)]) await t.rejects(result({ date: '2030-01-01', timeZone }), { code: 'WC_TIME_ZONE' })
  await t.rejects(result({ date: '2030-01-01', outputFormat: 'y'.repeat(257) }), { code: 'WC_DATE', detail: { pointer: '/outputFormat' } })
})

t.test('validation', async t => {
  t.match(dateTime.check?.({ operation: 'add', timeZone: 'Nowhere', locale: '!', field: 'a..b', amount: 1e300 }), [
    { pointer: '/locale', code: 'WC_LOCALE' }, { pointer: '/field', code: 'WC_FIELD_PATH' }, { pointer: '/date', code: 'WC_DATE_TIME' }, { pointer: '/amount', code: 'WC_DATE_TIME' }, { pointer: '/timeZone', code: 'WC_TIME_ZONE' }
  ])
  t.match(dateTime.check?.({ operation: 'difference' }), [{ pointer: '/date' }, { pointer: '/until' }])
  t.same(dateTime.check?.({ operation: 'now' }), [])
})

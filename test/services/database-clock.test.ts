import t from 'tap'
import { createDatabaseClock } from '../../src/services/database-clock.ts'
import { testDatabase } from '../support/database.ts'

t.test('the clock follows the database, in whole milliseconds', async t => {
  const database = await testDatabase(t)
  const clock = createDatabaseClock(database.service)
  for (let round = 0; round < 5; round++) {
    await clock.synchronise()
    // Times go into bigint columns: a fraction, which the middle of a round trip can have, would be refused there.
    t.ok(Number.isInteger(clock.now()))
  }
  const [row] = await database.service<Array<{ now: number }>>`select (extract(epoch from clock_timestamp()) * 1000)::double precision as now`
  t.ok(Math.abs(clock.now() - row!.now) < 1000)
})

import t from 'tap'
import { deployOnPostgres, missing } from '../support/deployment.ts'
import { journey } from '../support/journey.ts'

t.test('one process on PostgreSQL', { skip: missing('database') }, async t => {
  await journey(t, await deployOnPostgres(t))
})

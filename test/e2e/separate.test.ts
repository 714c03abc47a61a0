import t from 'tap'
import { deploySeparate, missing } from '../support/deployment.ts'
import { journey } from '../support/journey.ts'

t.test('API and workers apart, on PostgreSQL and Redis', { skip: missing('database', 'redis') }, async t => {
  await journey(t, await deploySeparate(t, { workers: 2 }))
})
